// Times and durations, between what people write and milliseconds.

/** ISO 8601, UTC, with milliseconds: how every answer shows a time. */
export function toIso(atMs: number): string {
  return new Date(atMs).toISOString();
}

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

/** The system's time. It never goes back while the process lives, whatever happens to the system's clock. */
export function systemClock(): Clock {
  let lastMs = 0;
  return () => {
    lastMs = Math.max(lastMs, Date.now());
    return lastMs;
  };
}
