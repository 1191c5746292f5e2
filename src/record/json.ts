// JSON objects as they come in payloads: read, written with bounds, and put in short for people. Own keys only,
// so that `__proto__` and its like are keys as any other. No recursion here goes deeper than a constant.

import { MAX_STORED_BODY_BYTES } from '../events.ts';
import { isDeeperThan, isObject, type JsonObject, parseExactly, wellFormedJson } from '../json.ts';
import { MAX_JSON_DEPTH, MAX_JSON_LENGTH } from './bounds.ts';
import { cut } from './text.ts';

/** A payload that cannot become what it was sent as; the message is the reason, for people. */
export class Unrecordable extends Error {
  readonly code = 'UNRECORDABLE';
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'Unrecordable';
  }
}

/** The JSON object in `body`. Throws Unrecordable if there is none, or if it is larger than the API takes. */
export function parsePayload(body: Buffer): JsonObject {
  if (body.length > MAX_STORED_BODY_BYTES)
    throw new Unrecordable(`the payload has more than ${MAX_STORED_BODY_BYTES} bytes`);
  const payload = parse(body.toString('utf8'));
  if (!isObject(payload)) throw new Unrecordable(`the payload is ${nameOf(payload)}, not a JSON object`);
  return payload;
}

function parse(text: string): unknown {
  try {
    // Some senders on Windows begin with a byte order mark, which JSON.parse() refuses.
    const json = text.startsWith('\ufeff') ? text.slice(1) : text;
    return parseExactly(json);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new Unrecordable(`the payload is not JSON: ${detail}`, { cause: error });
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** `object` as JSON text, within the bounds of depth and length; '…' stands where something is left out. */
export function jsonText(object: JsonObject): string {
  const text = wellFormedJson(isDeeperThan(object, MAX_JSON_DEPTH) ? pruned(object, MAX_JSON_DEPTH) : object);
  if (text.length <= MAX_JSON_LENGTH) return text;
  // Quoting it doubles its length at most.
  return JSON.stringify({ truncated: cut(text, MAX_JSON_LENGTH / 2 - '{"truncated":""}'.length) });
}

function pruned(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => pruned(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pruned(item, levels - 1)]));
}

const BRIEF_ITEMS = 8;
const BRIEF_LEVELS = 2;
const BRIEF_TEXT_LENGTH = 80;
const BRIEF_LENGTH = 256;

/** What is in `object`, in one short line: `kind: ping, host: {name: web-1, up: true}`. */
export function brief(object: JsonObject): string {
  const line = entriesInBrief(object, BRIEF_LEVELS).replace(/\s+/g, ' ');
  return line === '' ? 'empty payload' : cut(line, BRIEF_LENGTH);
}

function entriesInBrief(object: JsonObject, levels: number): string {
  const entries = Object.entries(object);
  const shown = entries
    .slice(0, BRIEF_ITEMS)
    .map(([key, value]) => `${cut(key, BRIEF_TEXT_LENGTH)}: ${valueInBrief(value, levels - 1)}`);
  return listed(shown, entries.length);
}

function valueInBrief(value: unknown, levels: number): string {
  if (Array.isArray(value)) {
    if (levels === 0) return '[…]';
    const shown = value.slice(0, BRIEF_ITEMS).map((item) => valueInBrief(item, levels - 1));
    return `[${listed(shown, value.length)}]`;
  }
  if (isObject(value)) return levels === 0 ? '{…}' : `{${entriesInBrief(value, levels)}}`;
  return cut(String(value), BRIEF_TEXT_LENGTH);
}

function listed(shown: string[], count: number): string {
  return [...shown, ...(count > shown.length ? ['…'] : [])].join(', ');
}
