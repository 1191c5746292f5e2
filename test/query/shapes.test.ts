// What users see of each thing: the fields that design.md settles, and no other secret or inner field.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotFound } from '../../src/query/errors.ts';
import * as facts from '../projections/facts.ts';
import { after } from './store.ts';

const { AT, id } = facts;
const organizationId = id('org');
const ofProject = { organizationId, projectId: id('prj'), integrationId: id('int') };

const configured = [
  facts.organizationCreated(),
  facts.projectCreated(),
  facts.integrationCreated(),
  facts.endpointCreated(),
];

test('an organization, before and after its first webhook', async (t) => {
  const { queries, happened } = await after(t, ...configured);
  const shape = { id: organizationId, name: 'acme', createdAt: AT, sentLastWebhookAt: null };
  assert.deepEqual(await queries.show('organizations', organizationId), shape);
  await happened(facts.attemptStarted());
  const sent = { ...shape, sentLastWebhookAt: AT };
  assert.deepEqual(await queries.show('organizations', organizationId), sent);
  assert.deepEqual(await queries.list('organizations', {}), { items: [sent], cursor: null });
});

test('a project, an integration and an endpoint', async (t) => {
  const { queries } = await after(t, ...configured);
  const shapes = {
    projects: { id: id('prj'), organizationId, name: 'shop', createdAt: AT },
    integrations: {
      id: id('int'),
      organizationId,
      projectId: id('prj'),
      name: 'web',
      createdAt: AT,
      origins: ['https://shop.example'],
      rateLimits: { burst: '3/6s', sustained: null },
      status: 'active',
    },
    endpoints: {
      id: id('ep'),
      organizationId,
      url: 'https://subscriber.example/hook',
      events: ['log.*'],
      gap: '5s',
      timeout: '2500ms',
      whenBusy: 'omit',
      maxQueued: 100,
      retries: ['5s', '90s'],
      status: 'active',
      disabledReason: null,
      createdAt: AT,
    },
  } as const;
  for (const name of ['projects', 'integrations', 'endpoints'] as const) {
    assert.deepEqual(await queries.list(name, {}), { items: [shapes[name]], cursor: null });
    assert.deepEqual(await queries.show(name, shapes[name].id), shapes[name]);
  }
});

test('an inbound webhook; show adds payload and headers', async (t) => {
  const { queries, happened } = await after(t, ...configured, facts.logReceived());
  const rest = { error: null, logId: null, eventId: null, receivedAt: AT };
  const pending = { id: id('in'), ...ofProject, resource: 'logs', status: 'pending', ...rest };
  assert.deepEqual((await queries.list('inbound-webhooks', {})).items, [pending]);
  const detail = { payload: { message: 'é' }, headers: { 'user-agent': 'sdk' }, deliveries: [] };
  assert.deepEqual(await queries.show('inbound-webhooks', id('in')), { ...pending, ...detail });
  await happened(facts.logRecorded());
  const processed = { ...pending, status: 'processed', logId: id('log') };
  assert.deepEqual(await queries.show('inbound-webhooks', id('in')), { ...processed, ...detail });
});

test('a payload that is no JSON is shown as it came', async (t) => {
  const received = facts.logReceived({ body: Buffer.from('{"half":') });
  const { queries } = await after(t, received, facts.inboundWebhookFailed());
  const { payload, status, error } = await queries.show('inbound-webhooks', id('in'));
  assert.deepEqual([payload, status, error], ['{"half":', 'error', 'not JSON']);
});

test('a log; show adds stack, tags, user and extra', async (t) => {
  const { queries } = await after(t, ...configured, facts.logRecorded({ stack: 'at x' }));
  const log = {
    id: id('log'),
    ...ofProject,
    inboundWebhookId: id('in'),
    message: 'boom',
    level: 'error',
    type: 'TypeError',
    environment: 'production',
    release: null,
    fingerprint: 'f1',
    occurredAt: '2026-01-31T11:59:59.000Z',
    receivedAt: AT,
  };
  assert.deepEqual((await queries.list('logs', {})).items, [log]);
  assert.deepEqual(await queries.show('logs', id('log')), {
    ...log,
    stack: 'at x',
    tags: { region: 'eu' },
    user: { id: 7 },
    extra: { n: 1 },
    deliveries: [],
  });
});

test('a log without stack and user shows null', async (t) => {
  const { queries } = await after(t, facts.logRecorded({ user: null, tags: {}, extra: '{}' }));
  const { stack, tags, user, extra } = await queries.show('logs', id('log'));
  assert.deepEqual({ stack, tags, user, extra }, { stack: null, tags: {}, user: null, extra: {} });
});

test('a delivery; show adds url, payload and attempts in order', async (t) => {
  const startedAtMs = facts.AT_MS + 1;
  const eleven = Array.from({ length: 11 }, (_, i) => [
    facts.attemptStarted({ attempt: i + 1 }),
    facts.attemptFailed({ attempt: i + 1, startedAtMs, nextAttemptAtMs: facts.AT_MS + 5_000 }),
  ]).flat();
  const { queries } = await after(t, ...configured, facts.eventPublished(), facts.scheduled(), ...eleven);
  const delivery = {
    id: id('wh'),
    organizationId,
    endpointId: id('ep'),
    event: 'log.created',
    eventId: id('evt'),
    status: 'pending',
    reason: null,
    attemptCount: 11,
    responseCode: 500,
    error: 'status',
    nextAttemptAt: '2026-01-31T12:00:05.000Z',
    freeAt: null,
    host: 'subscriber.example',
    createdAt: AT,
    finishedAt: null,
  };
  assert.deepEqual((await queries.list('deliveries', {})).items, [delivery]);
  const { url, payload, attempts, timeline, logId, inboundWebhookId, ...summary } = await queries.show(
    'deliveries',
    id('wh'),
  );
  assert.deepEqual(summary, delivery);
  assert.deepEqual([logId, inboundWebhookId], [null, null]);
  assert.equal(Array.isArray(timeline) && timeline.length, 12);
  assert.equal(url, 'https://subscriber.example/hook');
  assert.deepEqual(payload, {
    id: id('evt'),
    type: 'order.paid',
    timestamp: AT,
    organizationId,
    data: { total: 1.5 },
  });
  assert.ok(Array.isArray(attempts));
  assert.deepEqual(
    attempts.map((attempt) => Object(attempt).number),
    Array.from({ length: 11 }, (_, i) => i + 1),
  );
  assert.deepEqual(attempts[0], {
    number: 1,
    startedAt: '2026-01-31T12:00:00.001Z',
    durationMs: 29,
    responseCode: 500,
    error: 'status',
    detail: 'answered 500',
    nextAttemptAt: '2026-01-31T12:00:05.000Z',
    responseBody: 'oops',
  });
});

test('a delivery whose endpoint and trigger are in no view shows neither url nor payload', async (t) => {
  const { queries } = await after(t, facts.scheduled());
  const { url, payload, attempts } = await queries.show('deliveries', id('wh'));
  assert.deepEqual({ url, payload, attempts }, { url: null, payload: null, attempts: [] });
});

test('what must be known to send a delivery again', async (t) => {
  const published = facts.eventPublished({ eventId: id('evt') });
  const { queries } = await after(t, published, facts.omitted());
  const { body, ...rest } = await queries.retryable(id('wh'));
  assert.deepEqual(rest, {
    webhookId: id('wh'),
    organizationId,
    endpointId: id('ep'),
    eventId: id('evt'),
    kind: 'log.created',
    attemptCount: 0,
    status: 'omitted',
  });
  assert.match(body.toString(), /"data":\{"total":1\.50\}\}$/);
});

test('what is not there is not found, and says what was asked for', async (t) => {
  const { queries } = await after(t, facts.scheduled());
  for (const [resource, asked] of [
    ['organizations', 'nobody'],
    ['projects', id('prj', 9)],
    ['integrations', id('org')],
    ['endpoints', 'https://nobody.example'],
    ['inbound-webhooks', id('in', 9)],
    ['logs', id('wh')],
    ['deliveries', 'wh_'],
    ['deliveries', ''],
  ] as const) {
    await assert.rejects(queries.show(resource, asked), (error) => {
      assert.ok(error instanceof NotFound);
      assert.ok(error.message.includes(JSON.stringify(asked)), error.message);
      return true;
    });
  }
  await assert.rejects(queries.retryable(id('wh', 9)), NotFound);
  await assert.rejects(queries.retryable(id('wh')), /cannot be tried again: its payload is not/);
});
