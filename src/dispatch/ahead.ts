// How long before its time a request is claimed. A claim must be durable before the request leaves: if it were made when the
// gap is over, each request would leave late by a commit, and by the turn that is under way then. So it is made earlier, by twice
// what that has taken of late and not less than a turn may take that is slower than any of late, and the request waits for its
// time with its claim on disk.

/** The least, however short turns are. */
export const MIN_AHEAD_MS = 50;
/** The most, however long turns take: within it, whoever takes a lane over may find a start that lies ahead. */
export const MAX_AHEAD_MS = 250;
/** Of what the longest turn has taken, so much still counts at the next one. */
const KEPT = 0.95;

export interface Ahead {
  /** Milliseconds, MIN_AHEAD_MS to MAX_AHEAD_MS. */
  readonly ms: number;
  /** Takes in how long a turn took, from when there was something to do to the end of its commit. */
  took(ms: number): void;
}

export function createAhead(): Ahead {
  let longestMs = 0;
  return {
    get ms() {
      return Math.max(MIN_AHEAD_MS, Math.ceil(2 * longestMs));
    },
    took(ms) {
      longestMs = Math.max(Math.min(ms, MAX_AHEAD_MS / 2), longestMs * KEPT);
    },
  };
}
