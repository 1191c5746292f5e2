// Limits that are counted in this process, and gone when it ends. Memory grows with who was let through within the
// longest window; who was not is let go of.

import type { Limits, NamedLimit, Taken } from './limits.ts';
import { add, emptyWindow, type SlidingWindow, slide, stateOf } from './window.ts';

export interface MemoryLimits extends Limits {
  take(key: string, limits: readonly NamedLimit[]): Taken;
  /** Counts what was let through by somebody else's count. */
  note(key: string, limits: readonly NamedLimit[]): void;
  /** Keys of which something is kept. */
  readonly size: number;
}

interface Counted {
  windows: Map<string, SlidingWindow>;
  /** When all of its windows are empty. */
  emptyAtMs: number;
}

/** How many keys that are not used any more are let go of with each call. */
const SWEPT_A_CALL = 2;

/** `now`: milliseconds on a clock that is never put back. */
export function createMemoryLimits(now: () => number = () => performance.now()): MemoryLimits {
  /** Those that were used least recently come first. */
  const counted = new Map<string, Counted>();

  function windowsOf(key: string, limits: readonly NamedLimit[], nowMs: number): SlidingWindow[] {
    const windows = counted.get(key)?.windows;
    return limits.map((limit) => {
      const window = windows?.get(limit.name) ?? emptyWindow();
      slide(window, limit, nowMs);
      return window;
    });
  }

  function count(key: string, limits: readonly NamedLimit[], windows: SlidingWindow[], nowMs: number): void {
    const { windows: kept, emptyAtMs } = counted.get(key) ?? { windows: new Map(), emptyAtMs: 0 };
    const longestMs = Math.max(...limits.map(({ windowMs }) => windowMs));
    for (const [i, limit] of limits.entries()) {
      const window = windows[i];
      if (window === undefined) continue;
      add(window, limit, nowMs);
      kept.set(limit.name, window);
    }
    counted.delete(key);
    // Twice, as moments are rounded up.
    counted.set(key, { windows: kept, emptyAtMs: Math.max(emptyAtMs, nowMs + 2 * longestMs) });
  }

  function sweep(nowMs: number): void {
    let left = SWEPT_A_CALL;
    for (const [key, { emptyAtMs }] of counted) {
      if (left-- === 0 || emptyAtMs > nowMs) return;
      counted.delete(key);
    }
  }

  return {
    take(key, limits) {
      if (limits.length === 0) return { allowed: true, windows: [] };
      const nowMs = now();
      sweep(nowMs);
      const windows = windowsOf(key, limits, nowMs);
      const allowed = limits.every(({ max }, i) => (windows[i]?.total ?? 0) < max);
      if (allowed) count(key, limits, windows, nowMs);
      return {
        allowed,
        windows: limits.map((limit, i) => stateOf(windows[i] ?? emptyWindow(), limit, nowMs)),
      };
    },
    note(key, limits) {
      const nowMs = now();
      sweep(nowMs);
      if (limits.length > 0) count(key, limits, windowsOf(key, limits, nowMs), nowMs);
    },
    get size() {
      return counted.size;
    },
    async close() {},
  };
}
