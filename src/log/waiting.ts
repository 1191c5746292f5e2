// How much may wait to be appended to a log that does not keep up: what is too much is refused at once, by whichever engine,
// so that nobody's memory grows and who posts learns early to come again. Commits of groups do not count: a partition has one
// at a time.

import { MAX_BODY_BYTES } from '../events.ts';
import { LogBusy } from './log.ts';

/** Events that wait or are being written, and their bytes. */
const MAX_WAITING_EVENTS = 100_000;
export const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Of one append. */
export interface Size {
  events: number;
  bytes: number;
}

export interface Waiting {
  /** Whether there is no room for the largest payload. */
  isFull(): boolean;
  /** Counts what begins to wait. Throws LogBusy where it is too much; one append, however large, is not. */
  enter(size: Size): void;
  /** Counts what was written, or given up. */
  leave(size: Size): void;
}

export function createWaiting(): Waiting {
  let events = 0;
  let bytes = 0;
  return {
    isFull: () => events >= MAX_WAITING_EVENTS || bytes + MAX_BODY_BYTES > MAX_WAITING_BYTES,
    enter(size) {
      const isTooMuch = events + size.events > MAX_WAITING_EVENTS || bytes + size.bytes > MAX_WAITING_BYTES;
      if (isTooMuch && events > 0) throw new LogBusy();
      events += size.events;
      bytes += size.bytes;
    },
    leave(size) {
      events -= size.events;
      bytes -= size.bytes;
    },
  };
}
