import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneSaved } from '../../src/events.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { readStatus, type Status, shareStatus } from '../../src/query/status.ts';
import * as facts from '../projections/facts.ts';
import { openStores, type Stores } from '../projections/stores.ts';

const { AT, AT_MS, id } = facts;
const definitions = projections.map(({ definition }) => definition);
const NOW_MS = AT_MS + 10_000;

/** The status ten seconds after AT. */
function statusOf({ log, views }: Pick<Stores, 'log' | 'views'>, nowMs = NOW_MS): Promise<Status> {
  return readStatus({ log, views, definitions, clock: () => nowMs });
}

test('the status of an empty store is all zero', async (t) => {
  const { log, views } = openStores(t);
  const status = await statusOf({ log, views });
  assert.deepEqual(status.topics, [
    { topic: 'inbound', partitions: 2, events: 0, ends: [0, 0], bytes: null },
    { topic: 'organizations', partitions: 2, events: 0, ends: [0, 0], bytes: null },
    { topic: 'outbound', partitions: 2, events: 0, ends: [0, 0], bytes: null },
    { topic: 'lanes', partitions: 2, events: 0, ends: [0, 0], bytes: null },
  ]);
  assert.deepEqual([status.healthy, status.problems, status.oldestPending], [true, [], null]);
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
    const { groups } = await statusOf({ log, views });
    return Object.fromEntries(groups.map(({ group, topic, lag }) => [`${group} ${topic}`, lag]));
  };
  const unread = { 'recorder inbound': 1, 'dispatcher organizations': 1 };
  const projector = { 'projector inbound': 1, 'projector organizations': 1, 'projector outbound': 5 };
  assert.deepEqual(await lags(), { ...unread, ...projector });
  await projectToEnd({ log, views, projections });
  const done = { 'projector inbound': 0, 'projector organizations': 0, 'projector outbound': 0 };
  assert.deepEqual(await lags(), { ...unread, ...done });
  const status = await statusOf({ log, views });
  assert.deepEqual(status.deliveries, { pending: 2, processed: 1, omitted: 1, error: 0 });
  assert.deepEqual([status.oldestPendingAt, status.logs], [AT, 1]);
  assert.ok(status.viewsBytes > 0);
});

test('read models that were made from a log that went further are told of, and others are not', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.logReceived(), facts.scheduled()]);
  await projectToEnd({ log, views, projections });
  assert.deepEqual((await statusOf({ log, views })).ahead, []);
  const [end = 0] = (await log.ends('outbound')).toSorted((a, b) => b - a);
  const partition = (await log.ends('outbound')).indexOf(end);
  await views.apply({ patches: [], positions: [{ topic: 'outbound', partition, offset: end + 1 }] });
  const { ahead, healthy, problems } = await statusOf({ log, views });
  assert.deepEqual(
    ahead,
    definitions.filter(({ topics }) => topics.includes('outbound')).map(({ name }) => name),
  );
  assert.ok(ahead.includes('deliveries') && !ahead.includes('logs'));
  assert.deepEqual([healthy, problems[0]?.what], [false, 'ahead']);
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
  const status = await statusOf({ log, views });
  assert.equal(status.lanes, 2);
  assert.ok(status.logBytes > 0 && status.logBytes === (await log.size()));
});

test('the oldest pending delivery is found behind more than a thousand, and told with its age', async (t) => {
  const { log, views } = openStores(t);
  await log.append(
    Array.from({ length: 2_100 }, (_, n) => facts.scheduled({ webhookId: id('wh', n), atMs: AT_MS + n })),
  );
  await projectToEnd({ log, views, projections });
  const { oldestPending, oldestPendingAt } = await statusOf({ log, views });
  assert.equal(oldestPendingAt, AT);
  const ids = { organizationId: id('org'), endpointId: id('ep') };
  assert.deepEqual(oldestPending, {
    id: id('wh', 0),
    ...ids,
    event: 'log.created',
    createdAt: AT,
    ageMs: 10_000,
  });
});

test('a lag is told in time as well, by the oldest event that waits, and for each view', async (t) => {
  const { log, views, directory } = openStores(t);
  await log.append([
    facts.logReceived({ receivedAtMs: AT_MS + 1_000 }),
    facts.logReceived({ receivedAtMs: AT_MS + 2_000 }),
  ]);
  const { groups, views: byView, problems } = await statusOf({ log, views });
  const recorder = groups.find(({ group }) => group === 'recorder');
  assert.deepEqual(recorder, { group: 'recorder', topic: 'inbound', lag: 2, exact: true, lagMs: 9_000 });
  const lags = Object.fromEntries(byView.map(({ view, lag, lagMs }) => [view, [lag, lagMs]]));
  assert.deepEqual(
    [lags.inboundWebhooks, lags.projects],
    [
      [2, 9_000],
      [0, null],
    ],
  );
  assert.deepEqual(problems, [], directory);
  const late = await statusOf({ log, views }, AT_MS + 1_000 + 60_001);
  assert.deepEqual(
    late.problems.map(({ level, what }) => [level, what]),
    [
      ['unhealthy', 'lag'],
      ['unhealthy', 'lag'],
    ],
  );
  assert.equal(late.healthy, false);
});

test('a long lag is what offsets say, and says so', async (t) => {
  const { log, views } = openStores(t);
  await log.append(Array.from({ length: 500 }, () => facts.logReceived()));
  const { groups } = await statusOf({ log, views });
  assert.deepEqual(groups[0], { group: 'recorder', topic: 'inbound', lag: 500, exact: false, lagMs: 10_000 });
});

test('those who ask at the same time are told the same, and the next one what is then', async (t) => {
  const { log, views } = openStores(t);
  const status = shareStatus({ log, views, definitions, clock: () => NOW_MS });
  const [one, other] = await Promise.all([status(), status()]);
  assert.equal(one, other);
  await log.append([facts.logReceived()]);
  assert.equal((await status()).topics[0]?.events, 1);
});
