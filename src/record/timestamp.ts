// When something happened, as its sender says: ISO 8601, or a number of seconds or milliseconds since 1970.

/** Nothing that posts to us is older. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
/** How far a sender's clock, or its idea of its time zone, may be ahead. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;
/** As seconds the year 5138, as milliseconds the year 1973: numbers below are seconds. */
const LEAST_MS = 1e11;

/**
 * Reads a time, in milliseconds since 1970. Undefined for what is none, and for one that cannot be right: before
 * 1990, or more than a day after `receivedAtMs`.
 */
export function timestampReader(receivedAtMs: number): (value: unknown) => number | undefined {
  return (value) => {
    const atMs = typeof value === 'number' ? numberToMs(value) : textToMs(value);
    return atMs >= EARLIEST_MS && atMs <= receivedAtMs + MAX_AHEAD_MS ? atMs : undefined;
  };
}

function numberToMs(number: number): number {
  return Math.round(number < LEAST_MS ? number * 1_000 : number);
}

const NUMBER = /^\d{1,16}(?:\.\d{1,9})?$/;
const ISO =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,3})\d{0,9})?)? ?(?:Z|([+-]\d\d):?(\d\d)|)$/i;

/** NaN: not a time. One without a zone is UTC, as Sentry's are: our own zone means nothing to the sender. */
function textToMs(value: unknown): number {
  if (typeof value !== 'string') return Number.NaN;
  const text = value.trim();
  if (NUMBER.test(text)) return numberToMs(Number(text));
  const [found, day, time = '00:00', second = ':00', fraction = '0', hours, minutes] = ISO.exec(text) ?? [];
  if (found === undefined) return Number.NaN;
  return Date.parse(
    `${day}T${time}${second}.${fraction}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`,
  );
}
