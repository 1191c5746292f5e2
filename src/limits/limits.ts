// The limits port: counts what is let through, in windows that slide. Engines: memory.ts, redis.ts.
//
// Guarantees of every engine: in no span of time as long as a window more is let through than its limit allows, whoever
// counts in the same store; what is refused is not counted; a place is taken in all windows of a call, or in none.

import type { RateLimit } from '../rate-limit.ts';

/** A limit among the others of whoever is limited. */
export interface NamedLimit extends RateLimit {
  name: string;
}

/** How a window stands after a call. */
export interface WindowState {
  /** Places that are left. */
  remaining: number;
  /** In how many milliseconds there is one place more, or, where there is none, one; 0: the window is empty. */
  freedInMs: number;
}

export interface Taken {
  /** Whether there was a place in all windows, and one was taken in each. */
  allowed: boolean;
  /** For each limit, in the order in which they were given. */
  windows: WindowState[];
}

export interface Limits {
  /** Takes a place for `key` in the windows of all these limits, or in none of them. */
  take(key: string, limits: readonly NamedLimit[]): Taken | Promise<Taken>;
  close(): Promise<void>;
}

/** Moments that are told apart in one window, at most: that bounds what is kept of it. */
const MAX_MOMENTS = 1_000;

/**
 * To how many milliseconds moments in the window of a limit are rounded up: to none where there cannot be many, else so
 * that there are no more than 1,000. What is rounded up stays in the window a little longer, never shorter.
 */
export function stepMs({ max, windowMs }: RateLimit): number {
  return max <= MAX_MOMENTS ? 0 : Math.ceil(windowMs / MAX_MOMENTS);
}
