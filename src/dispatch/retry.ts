// When a failed attempt is followed by another one. Pure.

import type { AttemptError } from '../events.ts';
import type { Outcome, Pending } from './lane.ts';

/** A delay is made longer or shorter by up to this part of it, so that what failed together does not come back together. */
const JITTER = 0.2;
/** A receiver may ask for up to so many times the delay (`Retry-After`). */
const MAX_PATIENCE = 4;
/** What failed by no fault of the receiver's. */
const BLAMELESS: ReadonlySet<AttemptError> = new Set<AttemptError>(['interrupted', 'closed']);
/** What fails once for these reasons fails for ever. */
const FINAL: ReadonlySet<AttemptError> = new Set<AttemptError>(['address', 'url']);

/**
 * When the next attempt is to start, after one that came to `outcome` at `nowMs`; null: never. `retriesMs` are the
 * delays after each failure. What is no failure of the receiver's is made up for at once, whatever the schedule says.
 */
export function nextAttemptAtMs(
  retriesMs: readonly number[],
  { webhookId, attempt, failures }: Pick<Pending, 'webhookId' | 'attempt' | 'failures'>,
  { failure, retryAfterMs }: Pick<Outcome, 'failure' | 'retryAfterMs'>,
  nowMs: number,
): number | null {
  if (failure !== null && isBlameless(failure.error)) return nowMs;
  const delayMs = retriesMs[failures];
  if (delayMs === undefined || (failure !== null && FINAL.has(failure.error))) return null;
  const jittered = delayMs * (1 + JITTER * (2 * fraction(`${webhookId} ${attempt}`) - 1));
  const asked = Math.min(retryAfterMs ?? 0, MAX_PATIENCE * delayMs);
  return nowMs + Math.round(Math.max(jittered, asked));
}

/**
 * Whether an attempt that failed so says nothing of the receiver, as Hooklane was too late, or found a connection closed that it
 * had kept: HTTP lets a receiver close an idle one whenever it likes, also while a request is on its way (RFC 9112 section 9.5).
 */
export function isBlameless(error: AttemptError): boolean {
  return BLAMELESS.has(error);
}

/**
 * `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3), as milliseconds from `nowMs`; Infinity where there are more seconds
 * than a number holds; null: it is neither.
 */
export function retryAfterMs(text: string, nowMs: number): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const atMs = / GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** A number from 0 to 1 that the text alone decides: FNV-1a, 32 bits (draft-eastlake-fnv), which scatters well enough. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // Its low bits scatter, its high bits do not for short texts: murmur3's finalizer spreads them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
