// When the crank reads on. Webhooks that wait for their first attempt are kept in memory, so a burst is better
// left in the log until they have drained. But what waits for a dead endpoint drains hardly at all, and must hold
// up nobody else: a limit that does not help is raised.

/** Webhooks that may wait for their first attempt before reading pauses. */
const USUAL_LIMIT = 1_000;
/** How long a pause may go on without a tenth of the webhooks having drained. */
const PATIENCE_MS = 100;

export interface Intake {
  /** Whether to read on while `unstarted` webhooks wait for their first attempt. To be asked once a turn. */
  open(unstarted: number, nowMs: number): boolean;
}

export function createIntake(): Intake {
  let limit = USUAL_LIMIT;
  let pausedAtMs: number | undefined;
  return {
    open(unstarted, nowMs) {
      if (unstarted < limit * 0.9 || (pausedAtMs === undefined && unstarted < limit)) {
        pausedAtMs = undefined;
        if (unstarted < USUAL_LIMIT / 2) limit = USUAL_LIMIT;
        return true;
      }
      pausedAtMs ??= nowMs;
      if (nowMs - pausedAtMs < PATIENCE_MS) return false;
      limit = Math.max(limit, unstarted) * 2;
      pausedAtMs = undefined;
      return true;
    },
  };
}
