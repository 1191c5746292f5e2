// What has more levels than most programs can take, or keys that mean something to JavaScript. Whatever else may be asked
// is asked in test/fuzz.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logReceived } from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { startApi } from './api.ts';
import { assertProblem, wrongFields } from './client.ts';

test('keys that are special to JavaScript, and some nesting, are data like any other', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { token, organizationId } = await api.integration({ rateLimits: { burst: null, sustained: null } });
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const bodies = [
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    nested(100),
    `{"a":${'['.repeat(255)}${']'.repeat(255)}}`,
  ];
  for (const raw of bodies) {
    assert.equal((await call('/api/v1/webhooks/logs', { token, raw })).status, 201);
  }
  assert.deepEqual(
    (await events('inbound')).map(({ body }) => body.toString()),
    bodies,
  );
  const publish = `/api/v1/organizations/${organizationId}/events`;
  for (const data of bodies.slice(0, 2)) {
    assert.equal((await call(publish, { raw: `{"kind":"order.paid","data":${data}}` })).status, 201);
  }
  assert.equal(Object.getOwnPropertyDescriptor(Object.prototype, 'polluted'), undefined);
});

test('too many levels with a number that no double holds are the fault of who sends them, and of that line alone', async (t) => {
  const { call, ...api } = await startApi(t);
  const { token } = await api.integration({ rateLimits: { burst: null, sustained: null } });
  const deep = `{"a":${'['.repeat(10_000)}1e400${']'.repeat(10_000)}}`;
  const answer = await call('/api/v1/webhooks/logs', { token, raw: deep });
  assertProblem(answer, 422);
  assert.match(String(answer.body?.detail), /allowed: up to 256 levels/);
  const headers = { 'content-type': 'application/x-ndjson' };
  const batch = await call('/api/v1/webhooks/logs/batch', { token, raw: `{}\n${deep}\n{}`, headers });
  assert.deepEqual([batch.status, batch.body?.accepted, batch.body?.refused], [200, 2, 1]);
});

test('what is published goes out as it came: numbers that no double holds as text, half a surrogate pair as U+FFFD', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { organizationId } = await api.integration();
  const path = `/api/v1/organizations/${organizationId}/events`;
  const publish = (id: string) =>
    call(path, {
      raw: `{"kind":"order.paid","data":{"id":${id},"to":"\\ud800b"}}`,
      headers: { 'idempotency-key': 'paid' },
    });
  assert.equal((await publish('12345678901234567890')).status, 201);
  assert.equal((await publish('12345678901234567890')).headers['idempotent-replayed'], 'true');
  assert.equal((await publish('12345678901234567891')).status, 422);
  const published = (await events('organizations')).filter(({ type }) => type === 'EventPublished');
  assert.deepEqual(
    published.map((event) => 'data' in event && event.data),
    ['{"id":"12345678901234567890","to":"\ufffdb"}'],
  );
});

test('data that is nested too deep to be published is answered 422', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { organizationId } = await api.integration();
  const before = await events('organizations');
  for (const [depth, field] of [
    [129, 'data'],
    [30_000, ''],
  ] as const) {
    const raw = `{"kind":"order.paid","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const answer = await call(`/api/v1/organizations/${organizationId}/events`, { raw });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field]);
  }
  assert.equal((await events('organizations')).length, before.length);
});

test('an inbound webhook is shown however deep its payload is nested', async (t) => {
  const { call, log } = await startApi(t);
  const body = Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  // It was taken by a release that did not look.
  const received = logReceived({ body });
  await log.append([received]);
  const shown = await waitFor('the inbound webhook to be shown', async () => {
    const answer = await call(`/api/v1/inbound-webhooks/${received.id}`);
    return answer.status !== 404 && answer;
  });
  assert.equal(shown.status, 200);
});
