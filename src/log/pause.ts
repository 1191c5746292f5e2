// Waiting that an abort ends, without leaving anything behind.

import { SYSTEM, type Time } from '../time.ts';

/** Resolves after `ms`, or when `signal` is aborted. */
export function pause(
  ms: number,
  signal: AbortSignal,
  { after }: Pick<Time, 'after'> = SYSTEM,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = () => {
      callOff();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const callOff = after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Resolves when `elapsed()` has come to `untilMs`, and no earlier, or when `signal` is aborted. */
export async function pauseUntil(
  untilMs: number,
  signal: AbortSignal,
  time: Pick<Time, 'elapsed' | 'after'>,
): Promise<void> {
  const leftMs = () => untilMs - time.elapsed();
  // A timer may come a few milliseconds early: Node counts it from when its turn of the event loop began.
  while (leftMs() > 0 && !signal.aborted) await pause(Math.ceil(leftMs()), signal, time);
}

/** Settles as `promise` does, or resolves when `signal` is aborted. */
export async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) resolve();
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
