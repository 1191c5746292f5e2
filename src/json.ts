// JSON from outside. It may be nested so deeply that walking it overflows the stack: how deep it is, is asked first. It may have
// numbers that a double cannot hold, and text that is no Unicode, neither of which may go on as something else. Pure.

export type JsonObject = Record<string, unknown>;

/** Whether this is an object of JSON, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What JSON text says; a number that a double cannot hold (`12345678901234567890`, `1e400`) is the text it was sent as. Throws SyntaxError. */
export function parseExactly(json: string): unknown {
  return MAY_BE_INEXACT.test(json) ? parseWithText(json, exactly) : JSON.parse(json);
}

/** Only where a number has so many digits, or such an exponent, may it be none that a double holds: few texts have one. */
const MAY_BE_INEXACT = /\d(?:[\d.]{15}|[eE][+-]?\d{3})/;

/** As JSON.parse, which tells of what text it has made a value; its types do not know yet. Source: ES2026, JSON.parse. */
const parseWithText = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context?: { source?: string }) => unknown,
) => unknown;

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  return isExact(value, source) ? value : source;
}

/** A double holds every decimal number of so many digits. Source: DBL_DIG of C, for IEEE 754. */
const HELD_DIGITS = 15;

function isExact(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return Number.isFinite(value) && BigInt(source) === BigInt(value);
  const [written = ''] = source.split(/e/i);
  const digits = written.replace(/[-.]/g, '').replace(/^0+|0+$/g, '');
  // Too large, or too small, for a double.
  if (!Number.isFinite(value) || (value === 0 && digits !== '')) return false;
  // With more of them it is held if it comes back as it was: 0.30000000000000004 does.
  return digits.length <= HELD_DIGITS || String(value) === source.replace(/e\+?(?=\d)/i, 'e+');
}

/** `value`, of parseExactly(), as JSON text that every reader takes: half a surrogate pair becomes U+FFFD. */
export function wellFormedJson(value: unknown): string {
  const text = JSON.stringify(value);
  return HALF_PAIR.test(text) ? text.replace(ESCAPED, (escaped, half) => (half ? '\ufffd' : escaped)) : text;
}

/** As JSON.stringify() writes what has no partner. Source: ES2019, well-formed JSON.stringify. */
const HALF_PAIR = /\\ud[89a-f]/;
/** Any escape, so that a backslash before a `u` that stands for itself is passed over with it. */
const ESCAPED = /\\(?:u(d[89a-f][0-9a-f]{2})|.)/g;

/** Whether objects and arrays are nested in `value` to more than `levels`. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(item, levels - 1));
  // Not Object.values(): every payload comes through here, and this is three times as fast.
  for (const key in value) {
    if (isDeeperThan((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}

/** Whether all objects in `value` together have more than `most` keys. It must not be too deep. */
export function hasMoreKeysThan(value: unknown, most: number): boolean {
  return keysLeft(value, most) < 0;
}

/** Of `left` keys those that `value` leaves; less than 0: it has more. */
function keysLeft(value: unknown, left: number): number {
  if (typeof value !== 'object' || value === null) return left;
  let rest = left;
  const isArray = Array.isArray(value);
  for (const item of Object.values(value)) {
    rest = keysLeft(item, isArray ? rest : rest - 1);
    if (rest < 0) return rest;
  }
  return rest;
}
