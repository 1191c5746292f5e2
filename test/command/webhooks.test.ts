// POST /api/v1/webhooks/…: who may post what, and that nothing but a 201 leaves anything in the log.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';

import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { OrganizationEvent } from '../../src/events.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { hashToken } from '../../src/secrets.ts';
import { DEPLOYS, LOGS, startWithIntegration, UNLIMITED } from './api.ts';
import { ADMIN_TOKEN, assertProblem, wrongFields } from './client.ts';

test('a post is answered 201 and stands in the log as the bytes that came', async (t) => {
  const { call, events, ...made } = await startWithIntegration(t);
  const raw = '{ "message" : "ünglücklich",\n "a":1e400 }';
  const { status, headers, body } = await call(LOGS, { token: made.token, raw });
  assert.equal(status, 201);
  assert.match(String(headers['content-type']), /^application\/json/);
  assert.deepEqual(Object.keys(body ?? {}), ['id', 'status']);
  assert.match(String(body?.id), /^in_[0-9A-Z]{26}$/);
  assert.equal(body?.status, 'pending');
  const [event, ...others] = await events('inbound');
  assert.ok(event?.type === 'LogReceived' && others.length === 0);
  assert.equal(event.id, body?.id);
  assert.equal(event.body.toString(), raw);
  const { organizationId, projectId, integrationId } = event;
  assert.deepEqual(
    { organizationId, projectId, integrationId },
    {
      organizationId: made.organizationId,
      projectId: made.projectId,
      integrationId: made.integrationId,
    },
  );
});

test('of the headers those that say who sends are kept, never a secret', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const headers = {
    'user-agent': 'pino/10',
    cookie: 'session=1',
    origin: 'https://a.example',
    'x-other': '1',
  };
  await call(LOGS, { token, json: {}, headers });
  const [event] = await events('inbound');
  assert.deepEqual(event?.headers, {
    'user-agent': 'pino/10',
    'content-type': 'application/json',
    origin: 'https://a.example',
  });
});

test('secrets are taken out of what is posted before it is stored, and whoever posts is told nothing else', async (t) => {
  const { ok, events, token } = await startWithIntegration(t);
  const payload = { message: 'GET /?token=hush', n: 1, user: { password: 'hush' } };
  await ok(LOGS, { token, json: payload });
  await ok(DEPLOYS, { token, json: { version: '1', url: 'https://ci:hush@host/', auth: 'hush' } });
  const raw = '{"a":1e400,"cookie":"hush"}\n{"a":1}\n';
  await ok(`${LOGS}/batch`, { token, raw, headers: { 'content-type': 'application/x-ndjson' } });
  assert.deepEqual(
    (await events('inbound')).map((event) => event.body.toString()),
    [
      '{"message":"GET /?token=[Filtered]","n":1,"user":{"password":"[Filtered]"}}',
      '{"version":"1","url":"https://ci:[Filtered]@host/","auth":"[Filtered]"}',
      '{"a":1e400,"cookie":"[Filtered]"}',
      '{"a":1}',
    ],
  );
});

test('of a body that is no JSON the answer quotes nothing', async (t) => {
  const { call, token } = await startWithIntegration(t);
  for (const raw of ['{"password": hush}', 'hush', '{"a":1,"token":"hush"']) {
    const answer = await call(LOGS, { token, raw });
    assertProblem(answer, 400);
    assert.match(String(answer.body?.detail), /^The body is not JSON: \w/);
    assert.ok(!answer.text.includes('hush'), answer.text);
  }
});

test('a deploy is taken with its version, and refused without', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const deploy = { version: '1.2.3', environment: 'production', by: 'ci' };
  assert.equal((await call(DEPLOYS, { token, json: deploy })).status, 201);
  const wrong = await call(DEPLOYS, { token, json: { environment: 7, url: 'x' } });
  assertProblem(wrong, 422);
  assert.deepEqual(wrongFields(wrong).sort(), ['environment', 'version']);
  assert.deepEqual(
    (await events('inbound')).map(({ type }) => type),
    ['DeployReceived'],
  );
});

test('without a token, or with a wrong one, a post is answered 401', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  for (const wrong of [null, 'ints_wrong', ADMIN_TOKEN, `${token}x`, 'x'.repeat(5_000)]) {
    const answer = await call(LOGS, { token: wrong, json: {} });
    assertProblem(answer, 401);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
  for (const authorization of [`Basic ${token}`, token, 'Bearer', `Bearer ${token} ${token}`]) {
    assertProblem(await call(LOGS, { token: null, json: {}, headers: { authorization } }), 401);
  }
  assert.deepEqual(await events('inbound'), []);
});

test('an integration that another process has just made is known', async (t) => {
  const { call, path, organizationId, projectId } = await startWithIntegration(t);
  const other = openSqliteLog({ directory: path, serve: false });
  t.after(() => other.close());
  const token = 'ints_of_another_process';
  await other.append([
    {
      type: 'IntegrationCreated',
      organizationId,
      projectId,
      integrationId: 'int_01J00000000000000000000009',
      atMs: 0,
      name: 'cli',
      origins: [],
      burst: null,
      sustained: null,
      status: 'active',
      tokenHash: hashToken(token),
    } as OrganizationEvent,
  ]);
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
});

test('a disabled integration is answered 403, and 201 when it is active again', async (t) => {
  const { call, ok, token, integrationId } = await startWithIntegration(t);
  const integration = `/api/v1/integrations/${integrationId}`;
  await ok(integration, { method: 'PATCH', json: { status: 'disabled' } });
  assertProblem(await call(LOGS, { token, json: {} }), 403);
  await ok(integration, { method: 'PATCH', json: { status: 'active' } });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
});

test('in production the Origin must be one that the integration names', async (t) => {
  const origins = ['https://App.example.com', 'http://localhost:8080'];
  const { call, events, token } = await startWithIntegration(
    t,
    { production: true },
    { ...UNLIMITED, origins },
  );
  const status = async (headers: Record<string, string>) =>
    (await call(LOGS, { token, json: {}, headers })).status;
  for (const origin of ['https://app.example.com', 'https://APP.example.com', 'http://localhost:8080']) {
    assert.equal(await status({ origin }), 201, origin);
  }
  for (const origin of [
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'http://localhost',
    'null',
    '',
  ]) {
    assert.equal(await status({ origin }), 403, origin);
  }
  assert.equal(await status({}), 403);
  assert.equal((await events('inbound')).length, 3);
});

test('in production an integration that names no origin takes posts with any, or none', async (t) => {
  const { call, token } = await startWithIntegration(t, { production: true });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  const headers = { origin: 'https://any.example' };
  assert.equal((await call(LOGS, { token, json: {}, headers })).status, 201);
});

test('outside production the Origin is not looked at', async (t) => {
  const settings = { ...UNLIMITED, origins: ['https://app.example.com'] };
  const { call, token } = await startWithIntegration(t, {}, settings);
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
});

test('what is not JSON in UTF-8 is answered 400', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const notJson = ['', ' ', '{', "{'a':1}", '{"a":1}}', 'null,', '\ufeff{}', Buffer.from([0x7b, 0x7d, 0xff])];
  for (const raw of [...notJson, Buffer.from('{"a":"\xe9"}', 'latin1')]) {
    assertProblem(await call(LOGS, { method: 'POST', token, raw }), 400);
  }
  assertProblem(await call(LOGS, { method: 'POST', token }), 400);
  assert.deepEqual(await events('inbound'), []);
});

test('a byte order mark is named, as nobody sees it', async (t) => {
  const { call, token } = await startWithIntegration(t);
  const { body } = await call(LOGS, { token, raw: '\ufeff{}' });
  assert.equal(body?.detail, 'The body is not JSON: it begins with a byte order mark.');
});

test('a deploy whose version is blank is answered 422', async (t) => {
  const { call, token } = await startWithIntegration(t);
  for (const version of ['', '  ', '\n\u0000']) {
    const answer = await call(DEPLOYS, { token, json: { version } });
    assertProblem(answer, 422);
    assert.match(String(answer.body?.detail), /version: allowed: a text that is not blank/);
  }
});

test('JSON that is no object is answered 422', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  for (const json of [[], [{}], 'text', 7, true, null]) {
    const answer = await call(LOGS, { token, json });
    assertProblem(answer, 422);
    assert.equal(wrongFields(answer).length, 1);
  }
  assert.deepEqual(await events('inbound'), []);
});

test('a body of 256 KiB is taken, one byte more is answered 413, whether its length is told or not', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const body = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;
  const limit = 256 * 1024;
  assert.equal((await call(LOGS, { token, raw: body(limit) })).status, 201);
  assertProblem(await call(LOGS, { token, raw: body(limit + 1) }), 413);
  async function* chunks() {
    for (let sent = 0; sent < limit + 1; sent += 1_024) yield Buffer.alloc(1_024, 0x20);
  }
  assertProblem(await call(LOGS, { token, raw: Readable.from(chunks()) }), 413);
  assertProblem(await call(LOGS, { token, raw: body(300 * 1024) }), 413);
  assert.equal((await events('inbound')).length, 1);
});

test('the limit of a body may be set: what is unpacked, lines and batches follow it; administration does not', async (t) => {
  const { call, ok, token, organizationId } = await startWithIntegration(t, { bodyBytes: 2_048 });
  const body = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;
  const packed = { 'content-encoding': 'gzip' };
  for (const [bytes, status] of [
    [2_048, 201],
    [2_049, 413],
  ] as const) {
    const answers = [
      await call(LOGS, { token, raw: body(bytes) }),
      await call(LOGS, { token, raw: gzipSync(body(bytes)), headers: packed }),
    ];
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [status, status],
    );
  }
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const lines = (count: number, bytes: number) => `${body(bytes)}\n`.repeat(count);
  const batch = await ok<{ items: { status: number }[] }>(`${LOGS}/batch`, {
    ...{ token, headers: ndjson },
    raw: lines(1, 2_048) + lines(1, 2_049),
  });
  assert.deepEqual(
    batch.items.map(({ status }) => status),
    [201, 413],
  );
  const large = await call(`${LOGS}/batch`, { token, raw: lines(17, 2_000), headers: ndjson });
  assertProblem(large, 413);
  assert.match(String(large.body?.detail), /allowed: up to 32KiB/);
  const one = await call(LOGS, { token, raw: body(3_000) });
  assert.match(String(one.body?.detail), /allowed: up to 2KiB/);
  const data = { text: 'x'.repeat(10_000) };
  await ok(`/api/v1/organizations/${organizationId}/events`, { json: { kind: 'a.b', data } });
});

test('what is nested too deeply, or has too many keys, is answered 422 and leaves nothing behind', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  const keys = (count: number) => {
    const one = (i: number) => `"${i}":0`;
    const half = (from: number) => `{${Array.from({ length: count / 2 }, (_, i) => one(from + i)).join()}}`;
    // All objects count together: one that holds two, and they have the rest.
    return `{"a":${half(0)},"b":[${half(0)}]}`;
  };
  for (const raw of [nested(256), keys(19_998)]) assert.equal((await call(LOGS, { token, raw })).status, 201);
  for (const [raw, told] of [
    [nested(257), /allowed: up to 256 levels/],
    [nested(100_000), /allowed: up to 256 levels/],
    [keys(20_000), /allowed: up to 20000 in all objects/],
  ] as const) {
    const answer = await call(LOGS, { token, raw });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), ['']);
    assert.match(String(answer.body?.detail), told);
  }
  assert.equal((await events('inbound')).length, 2);
});

test('any media type that is JSON is taken, every other one is answered 415', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const answer = (type: string) => call(LOGS, { token, raw: '{}', headers: { 'content-type': type } });
  const json = [
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/vnd.sentry+json',
    'application/problem+json; charset=utf-8',
  ];
  for (const type of json) assert.equal((await answer(type)).status, 201, type);
  const others = [
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/xjson',
    'multipart/form-data; boundary=x',
    'json',
    '/',
  ];
  for (const type of others) assertProblem(await answer(type), 415);
  assertProblem(await call(LOGS, { token, raw: '{}', headers: { 'content-type': '' } }), 415);
  assert.equal((await events('inbound')).length, json.length);
});

test('each of many posts at once is in the log once, under an id of its own', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => call(LOGS, { token, json: { i } })),
  );
  const ids = new Map((await events('inbound')).map(({ id, body }) => [id, JSON.parse(body.toString()).i]));
  assert.equal(ids.size, 200);
  answers.forEach(({ body }, i) => {
    assert.equal(ids.get(body?.id as `in_${string}`), i);
  });
});

test('while the log cannot be written a post is answered 503', async (t) => {
  const api = await startWithIntegration(t);
  api.fault.append = new LogUnavailable('no space left in /secret/path');
  const answer = await api.call(LOGS, { token: api.token, json: {} });
  assertProblem(answer, 503);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.doesNotMatch(JSON.stringify(answer.body), /secret/);
  api.fault.append = undefined;
  assert.equal((await api.call(LOGS, { token: api.token, json: {} })).status, 201);
});
