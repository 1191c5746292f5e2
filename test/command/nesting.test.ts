// What has more levels than most programs can take, or keys that mean something to JavaScript. Whatever else may be asked
// is asked in test/fuzz.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { startApi } from './api.ts';
import { assertProblem, wrongFields } from './client.ts';

test('keys that are special to JavaScript, and deep nesting, are data like any other', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { token, organizationId } = await api.integration({ rateLimits: { burst: null, sustained: null } });
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const bodies = [
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    nested(100),
    `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
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

test('data that is nested too deep to be published is answered 422', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { organizationId } = await api.integration();
  const before = await events('organizations');
  for (const depth of [129, 30_000]) {
    const raw = `{"kind":"order.paid","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const answer = await call(`/api/v1/organizations/${organizationId}/events`, { raw });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), ['data']);
  }
  assert.equal((await events('organizations')).length, before.length);
});

test('an inbound webhook is shown however deep its payload is nested', async (t) => {
  const { call, ok, ...api } = await startApi(t);
  const { token } = await api.integration();
  const raw = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const { id } = await ok('/api/v1/webhooks/logs', { token, raw });
  const shown = await waitFor('the inbound webhook to be shown', async () => {
    const answer = await call(`/api/v1/inbound-webhooks/${id}`);
    return answer.status !== 404 && answer;
  });
  assert.equal(shown.status, 200);
});
