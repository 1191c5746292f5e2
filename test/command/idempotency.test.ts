// The header Idempotency-Key, as clients use it: posts and publishes that are sent again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogUnavailable } from '../../src/log/log.ts';
import { DEPLOYS, LOGS, startWithIntegration, startWithOrganization } from './api.ts';
import { type Answer, assertProblem, wrongFields } from './client.ts';

const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

/** That it was answered as a repeat, or as something new. */
function assertAccepted({ status, headers, text }: Answer, { replayed }: { replayed: boolean }): void {
  assert.equal(status, 201, text);
  assert.equal(headers['idempotent-replayed'], replayed ? 'true' : undefined);
}

test('a post that is sent again with its key is answered with the same id, and stands in the log once', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const post = { token, raw: '{"message":"once"}', ...keyed('order-7') };
  const first = await call(LOGS, post);
  assertAccepted(first, { replayed: false });
  for (let i = 0; i < 3; i++) {
    const again = await call(LOGS, post);
    assertAccepted(again, { replayed: true });
    assert.deepEqual(again.body, first.body);
  }
  const [event, ...others] = await events('inbound');
  assert.deepEqual(others, []);
  assert.equal(event?.id, first.body?.id);
  assert.match(String(event?.keyHash), /^[0-9a-f]{64}$/);
});

test('a hundred posts at once with one key are one', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const post = { token, json: { message: 'once' }, ...keyed('at-once') };
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(LOGS, post)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
  assert.equal(new Set(answers.map(({ body }) => body?.id)).size, 1);
  assert.equal(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined).length, 1);
  assert.equal((await events('inbound')).length, 1);
});

test('a key counts for one integration and one resource', async (t) => {
  const { call, events, integration, token } = await startWithIntegration(t);
  const json = { version: '1.2.3' };
  const other = await integration({ rateLimits: { burst: null, sustained: null } });
  assertAccepted(await call(LOGS, { token, json, ...keyed('a') }), { replayed: false });
  assertAccepted(await call(DEPLOYS, { token, json, ...keyed('a') }), { replayed: false });
  assertAccepted(await call(LOGS, { token: other.token, json, ...keyed('a') }), { replayed: false });
  assertAccepted(await call(DEPLOYS, { token, json, ...keyed('a') }), { replayed: true });
  assert.equal((await events('inbound')).length, 3);
});

test('another body under the same key is answered 422, and the first one stands', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const first = await call(LOGS, { token, json: { message: 'one' }, ...keyed('a') });
  const other = await call(LOGS, { token, json: { message: 'two' }, ...keyed('a') });
  assertProblem(other, 422);
  assert.equal(other.body?.type, 'urn:hooklane:problem:idempotency-key-reused');
  const again = await call(LOGS, { token, json: { message: 'one' }, ...keyed('a') });
  assert.equal(again.body?.id, first.body?.id);
  assert.equal((await events('inbound')).length, 1);
});

test('a key is 1 to 255 visible ASCII characters, else the post is answered 422', async (t) => {
  const { call, events, organizationId, token } = await startWithIntegration(t);
  for (const key of ['', 'x'.repeat(256), 'a b', 'a\tb', 'schlüssel']) {
    const answer = await call(LOGS, { token, json: {}, ...keyed(key) });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), ['Idempotency-Key']);
    const json = { kind: 'k', data: 1 };
    const path = `/api/v1/organizations/${organizationId}/events`;
    assert.deepEqual(wrongFields(await call(path, { json, ...keyed(key) })), ['Idempotency-Key']);
  }
  for (const key of ['x'.repeat(255), '!', '~', '"quoted"', '8e03978e-40d5-43dd-bc93-6894a57f9324']) {
    assertAccepted(await call(LOGS, { token, json: {}, ...keyed(key) }), { replayed: false });
  }
  assert.equal((await events('inbound')).length, 5);
});

test('a batch with a key is answered 422, as its lines are answered on their own', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const headers = { 'content-type': 'application/x-ndjson', ...keyed('a').headers };
  const answer = await call(`${LOGS}/batch`, { token, raw: '{}\n', headers });
  assertProblem(answer, 422);
  assert.deepEqual(wrongFields(answer), ['Idempotency-Key']);
  assert.deepEqual(await events('inbound'), []);
});

test('a repeat uses up no place of the limits; a new key does, and leaves nothing where there is none', async (t) => {
  const limits = { rateLimits: { burst: '2/1h', sustained: null } };
  const { call, events, token } = await startWithIntegration(t, {}, limits);
  const post = (key: string) => call(LOGS, { token, json: { message: key }, ...keyed(key) });
  assertAccepted(await post('a'), { replayed: false });
  for (let i = 0; i < 5; i++) assertAccepted(await post('a'), { replayed: true });
  assertAccepted(await post('b'), { replayed: false });
  for (const key of ['c', 'd', 'c']) {
    const { status, headers } = await post(key);
    assert.equal(status, 429);
    assert.ok(headers['retry-after']);
  }
  assertAccepted(await post('a'), { replayed: true });
  assert.equal((await events('inbound')).length, 2);
});

test('of a hundred at once with one key the limits let one through, and that is enough for all', async (t) => {
  const limits = { rateLimits: { burst: '1/1h', sustained: null } };
  const { call, token } = await startWithIntegration(t, {}, limits);
  const post = { token, json: {}, ...keyed('a') };
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(LOGS, post)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
});

test('what is refused for its body or its token leaves the key free', async (t) => {
  const { call, token } = await startWithIntegration(t);
  assert.equal((await call(DEPLOYS, { token, json: {}, ...keyed('a') })).status, 422);
  assert.equal((await call(DEPLOYS, { token, raw: 'no', ...keyed('a') })).status, 400);
  assert.equal((await call(DEPLOYS, { token: 'ints_no', json: {}, ...keyed('a') })).status, 401);
  assertAccepted(await call(DEPLOYS, { token, json: { version: '1' }, ...keyed('a') }), { replayed: false });
});

test('while nobody can say what became of a post its key is answered 409, and when to ask again', async (t) => {
  const { call, events, fault, token } = await startWithIntegration(t);
  const post = { token, json: {}, ...keyed('a') };
  fault.append = new LogUnavailable('disk full');
  assertProblem(await call(LOGS, post), 503);
  fault.append = undefined;
  const soon = await call(LOGS, post);
  assertProblem(soon, 409);
  assert.ok(Number(soon.headers['retry-after']) >= 1);
  assert.deepEqual(await events('inbound'), []);
});

test('an event that is published again with its key is published once, however its JSON is written', async (t) => {
  const { call, events, organization } = await startWithOrganization(t);
  const path = `${organization}/events`;
  const sent = { raw: '{"kind":"order.paid","data":{"total":1}}', ...keyed('order-7') };
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(path, sent)));
  const ids = new Set(answers.map(({ body }) => body?.id));
  assert.equal(ids.size, 1);
  const raw = '{ "data": {"total": 1}, "kind": "order.paid" }';
  const again = await call('/api/v1/organizations/acme/events', { ...sent, raw });
  assertAccepted(again, { replayed: true });
  assert.ok(ids.has(again.body?.id));
  assertProblem(await call(path, { ...sent, raw: '{"kind":"order.paid","data":2}' }), 422);
  const published = (await events('organizations')).filter(({ type }) => type === 'EventPublished');
  assert.equal(published.length, 1);
});

test('what cannot be published leaves the key free', async (t) => {
  const { call, organization } = await startWithOrganization(t);
  const json = { kind: 'k', data: 1 };
  assertProblem(await call(`${organization}/events`, { json: { kind: 'K' }, ...keyed('a') }), 422);
  assertProblem(await call('/api/v1/organizations/nobody/events', { json, ...keyed('a') }), 404);
  assertAccepted(await call(`${organization}/events`, { json, ...keyed('a') }), { replayed: false });
});
