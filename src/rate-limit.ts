// Rate limits as people write them: `3/6s` is 3 in 6 seconds. Pure.

import { parseDuration } from './time.ts';

export interface RateLimit {
  max: number;
  windowMs: number;
}

const MAX_COUNT = 1_000_000;
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 86_400_000;

/** What may be written, for who has written something else. */
export const RATE_LIMIT_ALLOWED = 'a count and a time such as 3/6s or 100/1h, from 1 to 1000000 in 1s to 24h';

/** `3/6s`: 3 in 6 seconds. Undefined: not a rate limit. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const [, count = '', time = ''] = /^(\d{1,7})\/(.+)$/.exec(text) ?? [];
  const max = Number(count);
  const windowMs = parseDuration(time);
  if (windowMs === undefined || max < 1 || max > MAX_COUNT) return undefined;
  return windowMs >= MIN_WINDOW_MS && windowMs <= MAX_WINDOW_MS ? { max, windowMs } : undefined;
}

/** The same of what was checked when it was set. Throws, as anything else is a bug. */
export function rateLimitOf(text: string): RateLimit {
  const limit = parseRateLimit(text);
  if (limit === undefined) throw new Error(`${JSON.stringify(text)} was set as a rate limit, and is none`);
  return limit;
}
