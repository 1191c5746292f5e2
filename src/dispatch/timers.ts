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
  /** Entries that are kept, also those that are passed over. */
  readonly size: number;
}

/** With so many entries a heap is looked through for those that are passed over. */
const FEW_ENTRIES = 1_024;

export function createTimers(): Timers {
  const dueOnes = createHeap();
  const aheadOnes = createHeap();

  return {
    arm(lane, endpoint) {
      const atMs = (lane.importing === null ? wakeAtMs(endpoint) : undefined) ?? null;
      if (atMs === endpoint.timerAtMs) return;
      endpoint.timerAtMs = atMs;
      if (atMs !== null) (waitsForGap(endpoint) ? aheadOnes : dueOnes).push({ atMs, lane, endpoint });
    },
    take(nowMs, aheadMs) {
      const [due, ahead] = [dueOnes.first(), aheadOnes.first()];
      const isDue = due !== undefined && due.atMs <= nowMs;
      if (ahead === undefined || ahead.atMs - aheadMs > nowMs) return isDue ? dueOnes.pop() : undefined;
      return isDue && due.atMs <= ahead.atMs ? dueOnes.pop() : aheadOnes.pop();
    },
    putBack: (timer) => dueOnes.push(timer),
    nextAtMs(aheadMs) {
      const due = dueOnes.first()?.atMs ?? Number.POSITIVE_INFINITY;
      const ahead = (aheadOnes.first()?.atMs ?? Number.POSITIVE_INFINITY) - aheadMs;
      const next = Math.min(due, ahead);
      return next === Number.POSITIVE_INFINITY ? undefined : next;
    },
    get size() {
      return dueOnes.length + aheadOnes.length;
    },
  };
}

/** Timers by their time. Those that are passed over are never more than those that stand for their endpoint, or few. */
function createHeap() {
  let queue = new TinyQueue<Timer>([], byTime);
  let mostEntries = FEW_ENTRIES;
  return {
    push(timer: Timer): void {
      queue.push(timer);
      if (queue.length < mostEntries) return;
      const standing = new Map(queue.data.filter(stands).map((one) => [one.endpoint, one]));
      queue = new TinyQueue([...standing.values()], byTime);
      mostEntries = Math.max(FEW_ENTRIES, 2 * queue.length);
    },
    /** The first that still stands for its endpoint. */
    first(): Timer | undefined {
      for (let top = queue.peek(); top !== undefined; top = queue.peek()) {
        if (stands(top)) return top;
        queue.pop();
      }
      return undefined;
    },
    pop: () => queue.pop(),
    get length() {
      return queue.length;
    },
  };
}

function byTime(a: Timer, b: Timer): number {
  return a.atMs - b.atMs;
}

function stands({ endpoint, atMs }: Timer): boolean {
  return endpoint.timerAtMs === atMs;
}
