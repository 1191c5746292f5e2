// Statistics of deliveries: what is counted where.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { toIso } from '../../src/time.ts';
import * as facts from '../projections/facts.ts';
import { after, NOW_MS } from './store.ts';

const { AT_MS, id } = facts;

/** Delivery `n`: the first of them fail, and are slow. */
function delivery(n: number, atMs: number): HooklaneEvent[] {
  const ids = { webhookId: id('wh', n), endpointId: id('ep', n % 2) };
  const attempt = { ...ids, startedAtMs: atMs, atMs: atMs + 10, durationMs: n < 2 ? 1_234 : 10 };
  const begun = [
    facts.scheduled({ ...ids, atMs, kind: n === 3 ? 'deploy.created' : 'log.created' }),
    facts.attemptStarted({ ...ids, atMs }),
  ];
  if (n >= 2) return [...begun, facts.processed(attempt)];
  return [
    ...begun,
    facts.attemptFailed(attempt),
    { ...facts.webhookFailed('failed', atMs), webhookId: ids.webhookId } as HooklaneEvent,
  ];
}

const history = Array.from({ length: 10 }, (_, n) => delivery(n, n === 9 ? AT_MS + 3_500_000 : AT_MS)).flat();
const omitted = facts.omitted({ webhookId: id('wh', 10), endpointId: id('ep', 1) });

test('by endpoint: counts by status, success of what was tried, latencies to two digits', async (t) => {
  const { queries } = await after(t, ...history, omitted);
  const { by, items, total } = await queries.stats({});
  assert.equal(by, 'endpoint');
  assert.deepEqual(items[0], {
    key: id('ep', 1),
    total: 6,
    processed: 4,
    error: 1,
    omitted: 1,
    pending: 0,
    successRate: 0.8,
    attempts: 5,
    p50Ms: 10,
    p95Ms: 1_300,
    p99Ms: 1_300,
  });
  assert.equal(items[1]?.key, id('ep', 0));
  assert.deepEqual([total.key, total.total, total.processed, total.error], ['total', 11, 8, 2]);
});

test('by kind and by hour, with the filters of the list', async (t) => {
  const { queries } = await after(t, ...history);
  const keys = async (filters: Record<string, string>) =>
    (await queries.stats(filters)).items.map(({ key, total }) => [key, total]);
  assert.deepEqual(await keys({ by: 'event' }), [
    ['log.created', 9],
    ['deploy.created', 1],
  ]);
  assert.deepEqual(await keys({ by: 'hour', status: 'processed' }), [[toIso(AT_MS), 8]]);
  assert.deepEqual(await keys({ by: 'event', event: 'deploy.*' }), [['deploy.created', 1]]);
  assert.deepEqual(await keys({ error: 'status', by: 'event' }), [['log.created', 2]]);
  await assert.rejects(queries.stats({ by: 'day' }), /by: allowed: endpoint, event, hour/);
  await assert.rejects(queries.stats({ limit: '1' }), /limit: no such filter/);
});

test('nothing is counted as nothing, and what is older than a day only when it is asked for', async (t) => {
  const { queries } = await after(t);
  const { items, total } = await queries.stats({});
  assert.deepEqual([items, total.total, total.successRate, total.p50Ms], [[], 0, null, null]);
  const old = `wh_01KG000000${'0'.repeat(16)}` as const;
  const asked = await after(t, facts.scheduled({ webhookId: old, atMs: NOW_MS - 30 * 86_400_000 }));
  assert.equal((await asked.queries.stats({})).total.total, 0);
  assert.equal((await asked.queries.stats({ since: '90d' })).total.pending, 1);
});

test('more than a page of documents is counted whole', async (t) => {
  const many = Array.from({ length: 2_000 }, (_, n) => facts.scheduled({ webhookId: id('wh', n) }));
  const { queries } = await after(t, ...many);
  assert.equal((await queries.stats({ by: 'hour' })).total.pending, 2_000);
});
