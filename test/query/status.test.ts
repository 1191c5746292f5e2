import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneSaved } from '../../src/events.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { readStatus } from '../../src/query/status.ts';
import * as facts from '../projections/facts.ts';
import { openStores } from '../projections/stores.ts';

const { AT, AT_MS, id } = facts;
const definitions = projections.map(({ definition }) => definition);

test('the status of an empty store is all zero', async (t) => {
  const { log, views } = openStores(t);
  const status = await readStatus(log, views, definitions);
  assert.deepEqual(status.topics, [
    { topic: 'inbound', partitions: 2, events: 0 },
    { topic: 'organizations', partitions: 2, events: 0 },
    { topic: 'outbound', partitions: 2, events: 0 },
  ]);
  assert.ok(status.groups.every(({ lag }) => lag === 0));
  assert.deepEqual(status.deliveries, { pending: 0, processed: 0, omitted: 0, error: 0 });
  assert.deepEqual([status.oldestPendingAt, status.lanes, status.logs], [null, 0, 0]);
});

test('the status tells what is to be read, what is in which state, and since when', async (t) => {
  const { log, views } = openStores(t);
  const hook = (n: number, atMs = AT_MS) => ({ webhookId: id('wh', n), atMs });
  await log.append([
    facts.logReceived(),
    facts.logRecorded(),
    facts.scheduled(hook(0)),
    facts.scheduled(hook(1, AT_MS + 5)),
    facts.omitted(hook(2)),
    facts.scheduled(hook(3)),
    facts.processed(hook(3)),
  ]);
  const lags = async () => {
    const { groups } = await readStatus(log, views, definitions);
    return Object.fromEntries(groups.map(({ group, topic, lag }) => [`${group} ${topic}`, lag]));
  };
  const unread = { 'recorder inbound': 1, 'dispatcher organizations': 1 };
  const projector = { 'projector inbound': 1, 'projector organizations': 1, 'projector outbound': 5 };
  assert.deepEqual(await lags(), { ...unread, ...projector });
  await projectToEnd({ log, views, projections });
  const done = { 'projector inbound': 0, 'projector organizations': 0, 'projector outbound': 0 };
  assert.deepEqual(await lags(), { ...unread, ...done });
  const status = await readStatus(log, views, definitions);
  assert.deepEqual(status.deliveries, { pending: 2, processed: 1, omitted: 1, error: 0 });
  assert.deepEqual([status.oldestPendingAt, status.logs], [AT, 1]);
  assert.ok(status.viewsBytes > 0);
});

test('the status counts lanes, not what is pending in them, and the bytes of both stores', async (t) => {
  const { log, views } = openStores(t);
  const lane = (n: number): LaneSaved => ({
    type: 'LaneSaved',
    organizationId: id('org', n),
    seen: 0,
    inboundSeen: {},
    secret: null,
    endpoints: [],
    retried: {},
    importing: null,
  });
  const pending = {
    type: 'PendingSaved',
    webhookId: id('wh', 0),
    organizationId: id('org', 0),
    endpointId: id('ep', 0),
    eventId: id('evt', 0),
    kind: 'log.created',
    attempt: 0,
    failures: 0,
    retried: false,
    startedAtMs: null,
    timeoutMs: 0,
    order: 0,
    dueAtMs: 0,
    body: Buffer.from('{}'),
  } as const;
  await log.append([lane(0), lane(1), lane(0), pending]);
  const status = await readStatus(log, views, definitions);
  assert.equal(status.lanes, 2);
  assert.ok(status.logBytes > 0 && status.logBytes === (await log.size()));
});

test('the oldest pending delivery is found behind more than a thousand', async (t) => {
  const { log, views } = openStores(t);
  await log.append(
    Array.from({ length: 2_100 }, (_, n) => facts.scheduled({ webhookId: id('wh', n), atMs: AT_MS + n })),
  );
  await projectToEnd({ log, views, projections });
  assert.equal((await readStatus(log, views, definitions)).oldestPendingAt, AT);
});
