// A window that slides: the moments at which something was let through, oldest first. Pure.

import type { RateLimit } from '../rate-limit.ts';
import { stepMs, type WindowState } from './limits.ts';

export interface SlidingWindow {
  /** When, rounded up, and how many at that moment. */
  moments: { atMs: number; count: number }[];
  /** All counts together. */
  total: number;
}

export function emptyWindow(): SlidingWindow {
  return { moments: [], total: 0 };
}

/** Lets go of the moments that the window has left behind. What happened at `t` is in it until just before `t + windowMs`. */
export function slide(window: SlidingWindow, { windowMs }: RateLimit, nowMs: number): void {
  const left = window.moments.findIndex(({ atMs }) => atMs + windowMs > nowMs);
  const gone = window.moments.splice(0, left === -1 ? window.moments.length : left);
  for (const { count } of gone) window.total -= count;
}

/** Counts one more at `nowMs`. */
export function add(window: SlidingWindow, limit: RateLimit, nowMs: number): void {
  const step = stepMs(limit);
  const atMs = step === 0 ? nowMs : Math.ceil(nowMs / step) * step;
  const last = window.moments.at(-1);
  // A clock that was put back: the later moment counts for both.
  if (last !== undefined && last.atMs >= atMs) last.count++;
  else window.moments.push({ atMs, count: 1 });
  window.total++;
}

/** How a window stands that has been slid to `nowMs`. */
export function stateOf(
  { moments, total }: SlidingWindow,
  { max, windowMs }: RateLimit,
  nowMs: number,
): WindowState {
  // More than one too many where the limit was lowered.
  let tooMany = Math.max(1, total - max + 1);
  for (const { atMs, count } of moments) {
    tooMany -= count;
    // In whole microseconds: in fractions `t + window - t` is not quite the window.
    const freedInMs = Math.round((atMs + windowMs - nowMs) * 1_000) / 1_000;
    if (tooMany <= 0) return { remaining: Math.max(0, max - total), freedInMs };
  }
  return { remaining: max, freedInMs: 0 };
}
