// When the crank looks at which endpoint. What waits for a gap is claimed ahead of its time (see ahead.ts), all else when
// its time has come: so there is a heap of each. Pure.

import TinyQueue from 'tinyqueue';
import { type Lane, type LaneEndpoint, waitsForGap, wakeAtMs } from './lane.ts';

export interface Due {
  lane: Lane;
  endpoint: LaneEndpoint;
}

export interface Timer extends Due {
  /** When it is due. */
  atMs: number;
}

export interface Timers {
  /** Sets the endpoint's timer anew; the entry that stood for it is passed over. */
  arm(lane: Lane, endpoint: LaneEndpoint): void;
  /** Takes the one that has been due for longest, or will be within `aheadMs` and may be claimed ahead; undefined: none. */
  take(nowMs: number, aheadMs: number): Timer | undefined;
  /** Puts back what was taken and cannot be claimed now; ahead of its time it is not given again. */
  putBack(timer: Timer): void;
  /** When take(…, aheadMs) will have something to give; undefined: not before one is set. */
  nextAtMs(aheadMs: number): number | undefined;
}

export function createTimers(): Timers {
  const byTime = (a: Timer, b: Timer) => a.atMs - b.atMs;
  const dueOnes = new TinyQueue<Timer>([], byTime);
  const aheadOnes = new TinyQueue<Timer>([], byTime);

  /** The first that still stands for its endpoint. */
  function firstOf(timers: TinyQueue<Timer>): Timer | undefined {
    for (let top = timers.peek(); top !== undefined; top = timers.peek()) {
      if (top.endpoint.timerAtMs === top.atMs) return top;
      timers.pop();
    }
    return undefined;
  }

  return {
    arm(lane, endpoint) {
      const atMs = (lane.importing === null ? wakeAtMs(endpoint) : undefined) ?? null;
      if (atMs === endpoint.timerAtMs) return;
      endpoint.timerAtMs = atMs;
      if (atMs !== null) (waitsForGap(endpoint) ? aheadOnes : dueOnes).push({ atMs, lane, endpoint });
    },
    take(nowMs, aheadMs) {
      const [due, ahead] = [firstOf(dueOnes), firstOf(aheadOnes)];
      const isDue = due !== undefined && due.atMs <= nowMs;
      if (ahead === undefined || ahead.atMs - aheadMs > nowMs) return isDue ? dueOnes.pop() : undefined;
      return isDue && due.atMs <= ahead.atMs ? dueOnes.pop() : aheadOnes.pop();
    },
    putBack: (timer) => dueOnes.push(timer),
    nextAtMs(aheadMs) {
      const due = firstOf(dueOnes)?.atMs ?? Number.POSITIVE_INFINITY;
      const ahead = (firstOf(aheadOnes)?.atMs ?? Number.POSITIVE_INFINITY) - aheadMs;
      const next = Math.min(due, ahead);
      return next === Number.POSITIVE_INFINITY ? undefined : next;
    },
  };
}
