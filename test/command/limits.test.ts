// Rate limits: so many posts of an integration are taken in a time, and what is refused does not count.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEPLOYS, LOGS, startWithIntegration } from './api.ts';
import { assertProblem } from './client.ts';

test('the fourth post within 6 s is answered 429, and says when to come again', async (t) => {
  const { call, events, token, ...api } = await startWithIntegration(t, {}, {});
  const neighbour = await api.integration();
  const remaining: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await call(LOGS, { token, json: {} });
    assert.equal(status, 201);
    assert.equal(headers['ratelimit-limit'], '3');
    assert.equal(headers['ratelimit-reset'], '6');
    remaining.push(headers['ratelimit-remaining']);
  }
  assert.deepEqual(remaining, ['2', '1', '0']);
  const refused = await call(LOGS, { token, json: {} });
  assertProblem(refused, 429);
  assert.equal(refused.headers['retry-after'], '6');
  assert.equal(refused.headers['ratelimit-limit'], '3');
  assert.equal(refused.headers['ratelimit-remaining'], '0');
  assert.equal((await events('inbound')).length, 3);
  assert.equal((await call(LOGS, { token: neighbour.token, json: {} })).status, 201);
});

test('posts that are refused use nothing up', async (t) => {
  const { call, token } = await startWithIntegration(t, {}, {});
  for (let i = 0; i < 3; i++) {
    assert.equal((await call(LOGS, { token, raw: '{' })).status, 400);
    assert.equal((await call(LOGS, { token, json: [] })).status, 422);
    assert.equal((await call(DEPLOYS, { token, json: {} })).status, 422);
    assert.equal(
      (await call(LOGS, { token, raw: '{}', headers: { 'content-type': 'text/plain' } })).status,
      415,
    );
    assert.equal((await call(LOGS, { token, raw: ' '.repeat(300_000) })).status, 413);
  }
  for (let i = 0; i < 3; i++) assert.equal((await call(LOGS, { token, json: {} })).status, 201);
});

test('the sustained limit holds beside the burst limit, over all resources together', async (t) => {
  const rateLimits = { burst: '100/1s', sustained: '4/1h' };
  const { call, token } = await startWithIntegration(t, {}, { rateLimits });
  for (let i = 0; i < 2; i++) {
    assert.equal((await call(LOGS, { token, json: {} })).status, 201);
    const { status, headers } = await call(DEPLOYS, { token, json: { version: '1' } });
    assert.equal(status, 201);
    assert.equal(headers['ratelimit-limit'], '4');
  }
  const refused = await call(LOGS, { token, json: {} });
  assertProblem(refused, 429);
  assert.equal(refused.headers['retry-after'], '3600');
});

test('a limit that is changed holds for the next post; null is no limit', async (t) => {
  const { call, ok, token, integrationId } = await startWithIntegration(t, {}, {});
  for (let i = 0; i < 4; i++) await call(LOGS, { token, json: {} });
  const rateLimits = { burst: null };
  await ok(`/api/v1/integrations/${integrationId}`, { method: 'PATCH', json: { rateLimits } });
  for (let i = 0; i < 20; i++) assert.equal((await call(LOGS, { token, json: {} })).status, 201);
});

test('of many posts at once as many are taken as the limit allows', async (t) => {
  const { call, events, token } = await startWithIntegration(t, {}, {});
  const answers = await Promise.all(Array.from({ length: 30 }, () => call(LOGS, { token, json: {} })));
  assert.equal(answers.filter(({ status }) => status === 201).length, 3);
  assert.equal(answers.filter(({ status }) => status === 429).length, 27);
  assert.equal((await events('inbound')).length, 3);
});

test('posts that the sustained limit refuses use nothing of the burst up', async (t) => {
  const rateLimits = { burst: '3/1h', sustained: '2/2h' };
  const { call, ok, token, integrationId } = await startWithIntegration(t, {}, { rateLimits });
  for (let i = 0; i < 2; i++) assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  for (let i = 0; i < 5; i++) assertProblem(await call(LOGS, { token, json: {} }), 429);
  const path = `/api/v1/integrations/${integrationId}`;
  await ok(path, { method: 'PATCH', json: { rateLimits: { sustained: null } } });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  assertProblem(await call(LOGS, { token, json: {} }), 429);
});

test('an address whose requests have no token that is known is answered 429 in the end, one with a token is not', async (t) => {
  const { call, token, log } = await startWithIntegration(t, { unauthenticated: '4/1h' });
  const ends = await log.ends('inbound');
  const strangers = [
    () => call(LOGS, { token: null, json: {} }),
    () => call(LOGS, { token: 'made-up', json: {} }),
    () => call('/api/v1/organizations', { token: null }),
    () => call('/api/v1/organizations', { token: 'made-up' }),
  ];
  for (const stranger of strangers) assertProblem(await stranger(), 401);
  for (const stranger of strangers) {
    const refused = await stranger();
    assertProblem(refused, 429);
    assert.match(String(refused.headers['retry-after']), /^3(600|5\d\d)$/);
  }
  assert.deepEqual(await log.ends('inbound'), ends);
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  assert.equal((await call('/api/v1/organizations')).status, 200);
});
