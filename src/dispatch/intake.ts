// When the crank reads on. Webhooks that wait for their first attempt are kept in memory and written with their
// lanes, so a burst is better left in the log until they have drained. But what waits for a slow endpoint must hold
// up nobody else: reading pauses only as long as what waits has not waited long.

/** Webhooks that may wait for their first attempt before reading pauses. */
const MAX_UNSTARTED = 1_000;
/** Once they have waited so long, they wait for somebody slow, and reading goes on. */
const MAX_PAUSE_MS = 500;

/** Counts of a crank, since it was made. */
export interface IntakeCounts {
  /** Webhooks that came to wait for their first attempt. */
  scheduled: number;
  /** Those of them that still do. */
  unstarted: number;
}

export interface Intake {
  /** Milliseconds until it is time to read on, though nothing else happens; 0: it is. To be asked once a turn. */
  opensInMs(counts: IntakeCounts, nowMs: number): number;
}

export function createIntake(): Intake {
  /** How many had been scheduled at which time; those that have all been started since are dropped. */
  const marks: { scheduled: number; atMs: number }[] = [];
  let first = 0;
  let marked = 0;
  return {
    opensInMs({ scheduled, unstarted }, nowMs) {
      if (scheduled > marked) {
        marks.push({ scheduled, atMs: nowMs });
        marked = scheduled;
      }
      const started = scheduled - unstarted;
      for (let mark = marks[first]; mark !== undefined && mark.scheduled <= started; mark = marks[first])
        first++;
      // Dropped marks are given back in one go, when they are most of the list.
      if (first > marks.length / 2) {
        marks.splice(0, first);
        first = 0;
      }
      const oldest = marks[first];
      if (unstarted < MAX_UNSTARTED || oldest === undefined) return 0;
      return Math.max(0, oldest.atMs + MAX_PAUSE_MS - nowMs);
    },
  };
}
