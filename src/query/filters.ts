// Filters as people write them, and the conditions they stand for. Pure but for looking names up, which is given.

import { LOG_LEVELS } from '../events.ts';
import { leastId, type Prefix } from '../ids.ts';
import { parseDuration, toIso } from '../time.ts';
import { matches } from '../trigger.ts';
import type { Equality } from '../views/definition.ts';
import type { Condition, Document } from '../views/views.ts';
import { InvalidQuery } from './errors.ts';

/** What a filter comes to: conditions, and what conditions cannot say. */
export interface Filtered {
  where: Condition[];
  /** What all that meets `where` meets as well, through which an index may go. */
  implied?: Equality[];
  keep?: (document: Document) => boolean;
}

export interface FilterContext {
  /** The present, from which ages count. */
  nowMs: number;
  /** What is named; throws NotFound. */
  resolve(kind: NamedKind, idOrName: string): Promise<Document>;
  /** The same; by its id also what is deleted. */
  everWas(kind: NamedKind, idOrName: string): Promise<Document>;
}

/** What can be named as well as given by its id. */
export type NamedKind = 'organization' | 'project' | 'integration' | 'endpoint' | 'token';

export type Filter = (text: string, context: FilterContext) => Filtered | Promise<Filtered>;

/** Of a filter that is none of those there are. */
export function unknownFilter(name: string, allowed: readonly string[]): InvalidQuery {
  return new InvalidQuery(name, `no such filter; allowed: ${allowed.join(', ')}`);
}

/** Only what belongs to the named thing, and so to what that belongs to. */
export function belongsTo(kind: NamedKind): Filter {
  return async (text, { resolve }) => ofThing(kind, await resolve(kind, text));
}

/** The same of history, which stays when the thing is deleted. */
export function belongedTo(kind: NamedKind): Filter {
  return async (text, { everWas }) => ofThing(kind, await everWas(kind, text));
}

function ofThing(kind: NamedKind, thing: Document): Filtered {
  const implied = ['organizationId', 'projectId'].flatMap((field) => {
    const eq = thing[field];
    return typeof eq === 'string' ? [{ field, eq }] : [];
  });
  return { where: [{ field: `${kind}Id`, eq: thing.id }], implied };
}

/** Only what has exactly this text in a field. */
export function equals(field: string): Filter {
  return (text) => ({ where: [{ field, eq: text }] });
}

/** As equals(), of a few words. */
export function oneOf(field: string, words: readonly string[]): Filter {
  return (text) => {
    if (!words.includes(text)) throw new InvalidQuery(field, `allowed: ${words.join(', ')}`);
    return { where: [{ field, eq: text }] };
  };
}

export const level: Filter = oneOf('level', LOG_LEVELS);

/** `log.created`, or a pattern such as `log.*`. */
export const event: Filter = (text) => {
  if (!text.includes('*')) return { where: [{ field: 'event', eq: text }] };
  if (/^\*+$/.test(text)) return { where: [] };
  // No condition: an index gives a range in the order of kinds, all of which would have to be sorted by id.
  return { where: [], keep: (document) => matches(text, String(document.event)) };
};

/** Words that may be searched for at once. */
const MAX_WORDS = 20;

/**
 * All of these words somewhere in the message, in any order and case, also as parts of longer ones. No index helps, on
 * either engine: messages are looked at, newest first, as many as a page may.
 */
export const search: Filter = (text) => {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0 || words.length > MAX_WORDS)
    throw new InvalidQuery('search', `allowed: 1 to ${MAX_WORDS} words`);
  return {
    where: [],
    keep: ({ message }) => {
      const told = String(message).toLowerCase();
      return words.every((word) => told.includes(word));
    },
  };
};

/** `500`, or a class such as `5xx`. */
export const code: Filter = (text) => {
  const field = 'responseCode';
  if (/^[1-5]xx$/.test(text)) {
    return { where: [{ field: 'codeClass', eq: text }] };
  }
  if (!/^[1-5]\d\d$/.test(text))
    throw new InvalidQuery('code', 'allowed: a status code such as 500, or a class such as 5xx');
  // The class as well: it has an index with an organization, and with an endpoint.
  const ofClass = { field: 'codeClass', eq: `${text[0]}xx` };
  return { where: [ofClass, { field, eq: Number(text) }] };
};

/** The host of the URL it was last sent to, with the port where it is not the usual one. */
export const host: Filter = (text) => {
  const url = URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined;
  if (url === undefined || url.host !== text.toLowerCase()) {
    throw new InvalidQuery('host', 'allowed: a host such as hooks.example.com or 127.0.0.1:8080');
  }
  return { where: [{ field: 'host', eq: url.host }] };
};

/** From then on; ids begin with their time, so a bound on time is one on ids. */
export function since(prefix: Prefix): Filter {
  return (text, { nowMs }) => ({
    where: [{ field: 'id', from: leastId(prefix, parseTime('since', text, nowMs)) }],
  });
}

/** Before then. */
export function until(prefix: Prefix): Filter {
  return (text, { nowMs }) => ({
    where: [{ field: 'id', to: leastId(prefix, parseTime('until', text, nowMs)) }],
  });
}

/** A day, with or without a time, with or without a zone. */
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/** An age (`1h`: an hour ago) or an ISO 8601 time, UTC unless it names a zone, in milliseconds. Throws InvalidQuery. */
export function parseTime(field: string, text: string, nowMs: number): number {
  const atMs = ageOrTime(text, nowMs);
  if (Number.isNaN(atMs)) {
    throw new InvalidQuery(
      field,
      `allowed: an age such as 30m or 1h, or a time such as 2026-01-31T12:00:00Z`,
    );
  }
  return Math.max(0, atMs);
}

/** The same, of the past alone. Throws InvalidQuery. */
export function parsePast(field: string, text: string, nowMs: number): number {
  const atMs = ageOrTime(text, nowMs);
  if (atMs <= nowMs) return Math.max(0, atMs);
  throw new InvalidQuery(field, 'allowed: an age such as 90d, or a time in the past such as 2026-01-31');
}

/** NaN for what is neither. */
function ageOrTime(text: string, nowMs: number): number {
  const ageMs = parseDuration(text);
  return ageMs === undefined ? parseIso(text) : nowMs - ageMs;
}

/** NaN for what is no time. Date.parse() alone takes a time without a zone as local, and 30 February as 2 March. */
function parseIso(text: string): number {
  const [, day = '', time = '00:00', zone = 'Z'] = ISO.exec(text) ?? [];
  const dayMs = Date.parse(`${day}T00:00Z`);
  if (Number.isNaN(dayMs) || !toIso(dayMs).startsWith(day)) return Number.NaN;
  return Date.parse(`${day}T${time}${zone}`);
}
