// Statistics of deliveries: counts by status, success rate and latencies of attempts, by endpoint, kind or hour.
//
// The documents are read page by page and counted here, on every engine alike: memory is bounded by the number of rows
// (MAX_ROWS) and of buckets of latency, whatever the number of deliveries. It takes time in proportion to what is
// asked for, so it is of the last 24 h unless `since` says otherwise. What changes meanwhile counts as it was read.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Condition, Document } from '../views/views.ts';
import type { ReadViews } from './confined.ts';
import { InvalidQuery } from './errors.ts';
import type { Filtered } from './filters.ts';
import type { Item } from './shapes.ts';
import { attemptsOf } from './timeline.ts';

export const DEFAULT_SINCE = '24h';

/** By what deliveries are counted, and what that is of one. */
const GROUPS: Readonly<Record<string, (document: Document) => string>> = {
  endpoint: ({ endpointId }) => String(endpointId),
  event: ({ event }) => String(event),
  hour: ({ createdAt }) => `${String(createdAt).slice(0, 13)}:00:00.000Z`,
};

/** The columns of a row, in order. */
export const STATS_COLUMNS = [
  ...['key', 'total', 'processed', 'error', 'omitted', 'pending', 'successRate'],
  ...['attempts', 'p50Ms', 'p95Ms', 'p99Ms'],
] as const;

/** Rows at most; what comes on top is counted together, under this key. */
const MAX_ROWS = 1_000;
const OTHER = 'other';
const PAGE_DOCUMENTS = 1_000;
const STATUSES = ['processed', 'error', 'omitted', 'pending'] as const;

interface Tally {
  statuses: Record<string, number>;
  attempts: number;
  /** By latency, rounded up to two digits, in ms: how many attempts. */
  latencies: Map<number, number>;
}

/**
 * Counts what the conditions find; what it has when `signal` is aborted. Throws InvalidQuery for another `by` than
 * `endpoint`, `event` or `hour`.
 */
export async function countDeliveries(
  views: ReadViews,
  { where, keep, by = 'endpoint' }: Filtered & { by?: string | undefined },
  signal?: AbortSignal,
): Promise<{ by: string; items: Item[]; total: Item }> {
  const keyOf = Object.hasOwn(GROUPS, by) ? GROUPS[by] : undefined;
  if (keyOf === undefined) throw new InvalidQuery('by', `allowed: ${Object.keys(GROUPS).join(', ')}`);
  const rows = new Map<string, Tally>();
  const all = newTally();
  for await (const document of eachOf(views, where)) {
    if (signal?.aborted) break;
    if (keep !== undefined && !keep(document)) continue;
    const key = keyOf(document);
    const known = rows.has(key) || rows.size < MAX_ROWS ? key : OTHER;
    const row = rows.get(known) ?? newTally();
    rows.set(known, row);
    for (const tally of [row, all]) add(tally, document);
  }
  const items = [...rows].map(([key, tally]) => itemOf(key, tally));
  // Hours in their order, the rest the most frequent first.
  items.sort((a, b) =>
    by === 'hour'
      ? compare(String(a.key), String(b.key))
      : Number(b.total) - Number(a.total) || compare(String(a.key), String(b.key)),
  );
  return { by, items, total: itemOf('total', all) };
}

async function* eachOf(views: ReadViews, where: Condition[]): AsyncGenerator<Document> {
  for (let before: string | undefined, more = true; more; ) {
    const page = await views.find('deliveries', {
      where,
      limit: PAGE_DOCUMENTS,
      ...(before === undefined ? {} : { before }),
    });
    yield* page;
    before = page.at(-1)?.id;
    more = page.length === PAGE_DOCUMENTS;
    // SQLite answers at once: a server must come to other requests meanwhile.
    await nextTurn();
  }
}

function newTally(): Tally {
  return { statuses: {}, attempts: 0, latencies: new Map() };
}

function add(tally: Tally, document: Document): void {
  const status = String(document.status);
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  for (const { durationMs } of attemptsOf(document)) {
    if (typeof durationMs !== 'number') continue;
    tally.attempts++;
    const latency = toTwoDigits(durationMs);
    tally.latencies.set(latency, (tally.latencies.get(latency) ?? 0) + 1);
  }
}

/** Up, as a percentile promises that so many were no slower. */
function toTwoDigits(ms: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, ms))) - 1);
  return Math.ceil(ms / unit) * unit;
}

function itemOf(key: string, { statuses, attempts, latencies }: Tally): Item {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, statuses[status] ?? 0]));
  const { processed = 0, error = 0 } = counts;
  const ended = processed + error;
  const sorted = [...latencies].sort(([a], [b]) => a - b);
  return {
    key,
    total: Object.values(counts).reduce((sum, count) => sum + count, 0),
    ...counts,
    // Of those that were tried to the end: an omitted one says nothing of the endpoint.
    successRate: ended === 0 ? null : Math.round((10_000 * processed) / ended) / 10_000,
    attempts,
    p50Ms: percentile(sorted, attempts, 0.5),
    p95Ms: percentile(sorted, attempts, 0.95),
    p99Ms: percentile(sorted, attempts, 0.99),
  };
}

/** The nearest rank; null of nothing. */
function percentile(sorted: readonly [number, number][], count: number, share: number): number | null {
  let seen = 0;
  for (const [latency, times] of sorted) {
    seen += times;
    if (seen >= share * count) return latency;
  }
  return null;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
