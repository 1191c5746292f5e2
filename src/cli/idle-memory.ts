// Gives memory back that a busy time took. V8's room for young objects grows to 128 MiB while many of them are made and stay, as at
// a start among many organizations, and never shrinks in a thread that allocates nothing afterwards: V8 takes that for a
// rate it does not know. So when there is nothing to do any more, it is asked to collect as it does where memory is short:
// some 50 ms for 60 MB of heap, once after each busy time.

import { Session } from 'node:inspector/promises';
import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import type { Logger } from 'pino';

/** How often a thread is looked at. */
const EVERY_MS = 10_000;
/** It is idle when it worked for less than this share of the time since: on Kafka one that waits works for some 2 %. */
const IDLE = 0.05;
/** Room for young objects that it may keep. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** From now on gives memory of the thread that calls this back whenever it is idle; keeps no process alive. */
export function giveBackWhenIdle(logger: Pick<Logger, 'debug' | 'warn'>, everyMs = EVERY_MS): void {
  let before = performance.eventLoopUtilization();
  const look = () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization >= IDLE || youngBytes() <= KEPT_BYTES) return;
    collect(logger).catch((err) => logger.warn({ err }, 'memory could not be given back'));
  };
  setInterval(look, everyMs).unref();
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0;
}

async function collect(logger: Pick<Logger, 'debug'>): Promise<void> {
  const beganMs = performance.now();
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
  logger.debug({ tookMs: Math.round(performance.now() - beganMs) }, 'memory was given back');
}
