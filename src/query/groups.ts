// Groups of logs: the distinct errors of an organization or project, the last seen first unless it is asked otherwise.
//
// Keyset pages by (what they are sorted by, id). A group that gets a log while they are read moves to the front: it is
// newer than the first page then, and comes no more unless it came before. None comes twice.

import { LOG_LEVELS } from '../events.ts';
import type { Document, Query } from '../views/views.ts';
import type { ReadViews } from './confined.ts';
import { InvalidQuery } from './errors.ts';
import { belongedTo, equals, type Filter, type Filtered, parseTime } from './filters.ts';
import type { Item } from './shapes.ts';

const ORDERS = { last: 'lastSeenAt', first: 'firstSeenAt', count: 'count' } as const;
type Order = keyof typeof ORDERS;

/** Filters of groups. `since` and `until`: seen since then for the last time, before then for the first time. */
export const GROUP_FILTERS: Record<string, Filter> = {
  org: belongedTo('organization'),
  project: belongedTo('project'),
  fingerprint: equals('fingerprint'),
  since: (text, { nowMs }) => ({
    where: [{ field: 'lastSeenAt', from: isoOf('since', text, nowMs) }],
  }),
  until: (text, { nowMs }) => ({
    where: [{ field: 'firstSeenAt', to: isoOf('until', text, nowMs) }],
  }),
};

/** A page of groups. Throws InvalidQuery. */
export async function findGroups(
  views: ReadViews,
  {
    where,
    implied = [],
    sort = 'last',
    cursor,
    limit,
  }: Filtered & { sort?: string | undefined; cursor?: string | undefined; limit: number },
): Promise<{ items: Item[]; cursor: string | null }> {
  if (!isOrder(sort)) throw new InvalidQuery('sort', `allowed: ${Object.keys(ORDERS).join(', ')}`);
  const field = ORDERS[sort];
  const order = cursor === undefined ? { field } : { field, after: decode(sort, cursor) };
  const found = await views.find('logGroups', { where: [...implied, ...where], order, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items: page.map(group), cursor: more ? encode(sort, last[field], last.id) : null };
}

/** A group as it is shown. */
export function group(document: Document): Item {
  const fields = ['id', 'organizationId', 'projectId', 'fingerprint', 'type'];
  const [newestLogId = null, level = '', ...message] = String(document.newest ?? '').split(' ');
  return {
    ...Object.fromEntries(fields.map((field) => [field, document[field] ?? null])),
    message: message.join(' '),
    level: LOG_LEVELS[Number(level)] ?? null,
    count: document.count ?? 0,
    firstSeenAt: document.firstSeenAt ?? null,
    lastSeenAt: document.lastSeenAt ?? null,
    newestLogId,
  };
}

function isoOf(name: string, text: string, nowMs: number): string {
  return new Date(parseTime(name, text, nowMs)).toISOString();
}

function isOrder(text: string): text is Order {
  return Object.hasOwn(ORDERS, text);
}

function encode(sort: Order, value: unknown, id: string): string {
  return Buffer.from(JSON.stringify([sort, value, id])).toString('base64url');
}

type After = NonNullable<NonNullable<Query['order']>['after']>;

/** Throws InvalidQuery for what encode() did not make of the same order. */
function decode(sort: Order, text: string): After {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    const [made, value, id] = Array.isArray(parts) ? parts : [];
    const fits = typeof value === (sort === 'count' ? 'number' : 'string') && typeof id === 'string';
    if (made === sort && fits) return { value, id };
  } catch {
    // No JSON: told below.
  }
  throw new InvalidQuery('cursor', 'is not one that a page before has given');
}
