// Times and durations, between what people write and milliseconds.

/** The second that was shown last, and its text up to the point: events that come together share it. */
let shown = { second: Number.NaN, text: '' };

/**
 * ISO 8601, UTC, with milliseconds, a fraction of one cut off: how every answer shows a time. RangeError for no time of Date.
 * Date makes a text in 1.4 µs, several of which were a fifth of what a projection took; of the same second this takes 0.1.
 */
export function toIso(atMs: number): string {
  const second = Math.floor(atMs / 1_000);
  if (second !== shown.second) shown = { second, text: new Date(second * 1_000).toISOString().slice(0, -4) };
  const ms = Math.trunc(atMs - second * 1_000);
  return `${shown.text}${String(ms).padStart(3, '0')}Z`;
}

/** By how much the clocks of hosts may differ that share a log, or that an organization moves between (docs/deploy.md). */
export const MAX_SKEW_MS = 2_000;

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5s`, `250ms`, `10m`, `2h`, `90d` (one or more whole or decimal parts, `1h30m`) in milliseconds; undefined: not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  }
  const wholeMs = Math.round(totalMs);
  return Number.isSafeInteger(wholeMs) ? wholeMs : undefined;
}

/** The shortest text that parseDuration() reads as `ms`: `5s`, `1500ms`, `0s`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const unitMs = UNITS_MS[unit] ?? 1;
    if (ms >= unitMs && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return ms === 0 ? '0s' : `${ms}ms`;
}

/** How a program tells the time: milliseconds since 1970. Given to what decides by time, so that tests own it. */
export type Clock = () => number;

/** Time as a loop needs it; given to it, so that tests and the simulation own it. */
export interface Time {
  /** The time of day. It never goes back, whatever happens to the system's clock. */
  now: Clock;
  /** Milliseconds since some moment, which no change of the system's clock touches. */
  elapsed: Clock;
  /** Calls `work` once, after `ms`; returns how to call that off. */
  after(ms: number, work: () => void): () => void;
}

/** Where the time comes from. */
export interface TimeSource extends Omit<Time, 'now'> {
  /** The system's clock, which may be put forward and back. */
  wall: Clock;
}

/** This machine's. */
export const SYSTEM: TimeSource = {
  wall: Date.now,
  elapsed: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * The time of a process. When the clock is put back, it goes on from where it was at half the pace, until the clock
 * has caught up: what lasts five seconds then lasts up to ten, and never less.
 */
export function processTime({ wall, elapsed, after }: TimeSource = SYSTEM): Time {
  let lastMs = 0;
  let lastElapsedMs = elapsed();
  return {
    elapsed,
    after,
    now() {
      const elapsedMs = elapsed();
      lastMs = Math.max(wall(), lastMs + (elapsedMs - lastElapsedMs) / 2);
      lastElapsedMs = elapsedMs;
      return Math.floor(lastMs);
    },
  };
}

/** Changes of less are not told from the time it takes to look. */
const LEAST_STEP_MS = 5;

/** Tells, each time it is asked, by how many milliseconds the clock was put forward since it was last asked. */
export function watchSteps({ now, elapsed }: Time): () => number {
  let lastMs = now();
  let lastElapsedMs = elapsed();
  return () => {
    const nowMs = now();
    const elapsedMs = elapsed();
    const steppedMs = nowMs - lastMs - (elapsedMs - lastElapsedMs);
    lastMs = nowMs;
    lastElapsedMs = elapsedMs;
    // One more, as now() cuts off what is less than one.
    return steppedMs >= LEAST_STEP_MS ? Math.ceil(steppedMs) + 1 : 0;
  };
}
