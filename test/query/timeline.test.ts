// The timeline of a delivery, and the way from an inbound webhook to its log, its deliveries, and back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as facts from '../projections/facts.ts';
import { after, ids } from './store.ts';

const { AT_MS, id } = facts;
const [wh, evt] = [id('wh'), id('evt')];

test('a timeline has every state and attempt, also what a retry has taken back', async (t) => {
  const { queries } = await after(
    t,
    facts.omitted(),
    facts.retried({ atMs: AT_MS + 10_000, dueAtMs: AT_MS + 11_000 }),
    facts.attemptStarted({ atMs: AT_MS + 11_000 }),
    facts.attemptFailed({ startedAtMs: AT_MS + 11_000 }),
    facts.webhookFailed('answered 500', AT_MS + 12_000),
    facts.retried({ atMs: AT_MS + 20_000, dueAtMs: AT_MS + 20_000, by: 'cli:ann' }),
    facts.attemptStarted({ attempt: 2, atMs: AT_MS + 20_000 }),
    facts.processed({ attempt: 2, startedAtMs: AT_MS + 20_000, atMs: AT_MS + 21_000 }),
  );
  const { timeline, error } = await queries.show('deliveries', wh);
  assert.ok(Array.isArray(timeline));
  const at = (seconds: number) => new Date(AT_MS + seconds * 1_000).toISOString();
  assert.deepEqual(
    timeline.map((entry) => [Object(entry).at, Object(entry).type]),
    [
      [at(0), 'omitted'],
      [at(10), 'retried'],
      [at(11), 'attempt'],
      [at(12), 'error'],
      [at(20), 'retried'],
      [at(20), 'attempt'],
      [at(21), 'processed'],
    ],
  );
  assert.deepEqual(timeline[0], { at: at(0), type: 'omitted', reason: 'gap', freeAt: at(5) });
  assert.deepEqual(timeline[3], { at: at(12), type: 'error', reason: 'answered 500' });
  const { by, dueAt } = Object(timeline[4]);
  assert.deepEqual([by, dueAt, Object(timeline[1]).by], ['cli:ann', at(20), null]);
  assert.equal(error, null);
});

test('the error of the last attempt is found while it is the last', async (t) => {
  const { queries, happened } = await after(
    t,
    facts.scheduled(),
    facts.attemptStarted(),
    facts.attemptFailed(),
  );
  assert.deepEqual(await ids(queries.list('deliveries', { error: 'status', host: 'subscriber.example' })), [
    wh,
  ]);
  await happened(facts.attemptStarted({ attempt: 2 }), facts.processed({ attempt: 2 }));
  assert.deepEqual(await ids(queries.list('deliveries', { error: 'status' })), []);
  await assert.rejects(queries.list('deliveries', { error: 'boom' }), /error: allowed: status, redirect/);
  await assert.rejects(queries.list('deliveries', { host: 'http://a' }), /host: allowed/);
});

test('an inbound webhook leads to its log, the log to its deliveries, and these back', async (t) => {
  const { queries } = await after(
    t,
    facts.logReceived(),
    facts.logRecorded(),
    facts.scheduled(),
    facts.omitted({ webhookId: id('wh', 1), endpointId: id('ep', 1) }),
    facts.scheduled({ webhookId: id('wh', 2), eventId: id('evt', 9) }),
  );
  const deliveries = [
    { id: id('wh', 1), endpointId: id('ep', 1), status: 'omitted' },
    { id: wh, endpointId: id('ep'), status: 'pending' },
  ];
  const inbound = await queries.show('inbound-webhooks', id('in'));
  assert.equal(inbound.logId, id('log'));
  assert.deepEqual(inbound.deliveries, deliveries);
  const log = await queries.show('logs', id('log'));
  assert.deepEqual([log.inboundWebhookId, log.deliveries], [id('in'), deliveries]);
  const delivery = await queries.show('deliveries', wh);
  assert.deepEqual([delivery.eventId, delivery.logId, delivery.inboundWebhookId], [evt, id('log'), id('in')]);
  const other = await queries.show('deliveries', id('wh', 2));
  assert.deepEqual([other.logId, other.inboundWebhookId], [null, null]);
});
