// What a browser makes of the API: headers that keep answers from being more than data, and pages of other origins that post.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOGS, startWithIntegration } from './api.ts';
import { assertProblem } from './client.ts';

const PAGE = 'https://app.example.com';
const PREFLIGHT = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type',
};

test('every answer says that it is data and not to be kept, and none by what it was made', async (t) => {
  const { call, token } = await startWithIntegration(t);
  const answers = [
    await call('/healthz', { token: null }),
    await call('/readyz', { token: null }),
    await call('/', { token: null }),
    await call('/api/v1/organizations'),
    await call('/api/v1/organizations', { token: 'wrong' }),
    await call('/api/v1/organizations', { method: 'PUT' }),
    await call(LOGS, { token, json: {} }),
    await call(LOGS, { token, raw: '{' }),
  ];
  for (const { headers } of answers) {
    assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    for (const name of ['server', 'x-powered-by', 'via', 'strict-transport-security'])
      assert.equal(headers[name], undefined, name);
    for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^access-control-/);
  }
});

test('a page of another origin is let post only where it is set', async (t) => {
  const { call, token } = await startWithIntegration(t);
  assertProblem(
    await call(LOGS, { method: 'OPTIONS', token: null, headers: { origin: PAGE, ...PREFLIGHT } }),
    405,
  );
  const posted = await call(LOGS, { token, json: {}, headers: { origin: PAGE } });
  assert.equal(posted.headers['access-control-allow-origin'], undefined);
});

test('a page that is let is told so before it posts, and may read what it is answered', async (t) => {
  const { call, events, token } = await startWithIntegration(t, {
    cors: [PAGE, 'http://localhost:8080'],
  });
  const ask = (path: string, origin: string) =>
    call(path, { method: 'OPTIONS', token: null, headers: { origin, ...PREFLIGHT } });
  for (const path of [LOGS, `${LOGS}/batch`, '/api/v1/webhooks/deploys']) {
    const { status, headers, text } = await ask(path, PAGE);
    assert.deepEqual([status, text], [204, '']);
    assert.equal(headers['access-control-allow-origin'], PAGE);
    assert.equal(headers['access-control-allow-methods'], 'POST');
    assert.match(String(headers['access-control-allow-headers']), /authorization, content-type/);
    assert.equal(headers['access-control-allow-credentials'], undefined);
    assert.match(String(headers.vary), /origin/i);
  }
  const stranger = await ask(LOGS, 'https://evil.example');
  assert.equal(stranger.headers['access-control-allow-origin'], undefined);
  const origin = { origin: PAGE };
  const answers = [
    await call(LOGS, { token, json: {}, headers: origin }),
    await call(LOGS, { token, json: [], headers: origin }),
    await call(LOGS, { token: 'made-up', json: {}, headers: origin }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 422, 401],
  );
  for (const { headers } of answers) {
    assert.equal(headers['access-control-allow-origin'], PAGE);
    assert.match(String(headers['access-control-expose-headers']), /retry-after/);
  }
  assert.equal((await events('inbound')).length, 1);
});

test('any page may be let; administration is for none', async (t) => {
  const { call, token } = await startWithIntegration(t, { cors: ['*'] });
  const posted = await call(LOGS, { token, json: {}, headers: { origin: 'null' } });
  assert.deepEqual([posted.status, posted.headers['access-control-allow-origin']], [201, '*']);
  const organizations = '/api/v1/organizations';
  const asked = await call(organizations, {
    ...{ method: 'OPTIONS', token: null },
    headers: { origin: PAGE, ...PREFLIGHT },
  });
  assertProblem(asked, 405);
  for (const { headers } of [asked, await call(organizations, { headers: { origin: PAGE } })])
    assert.equal(headers['access-control-allow-origin'], undefined);
  assertProblem(await call('/api/v1/nothing', { method: 'POST', json: {} }), 404);
});

test('in production the origins of an integration hold whatever pages are let', async (t) => {
  const { call, token } = await startWithIntegration(
    t,
    { production: true, cors: ['*'] },
    { origins: [PAGE], rateLimits: { burst: null, sustained: null } },
  );
  const statusFrom = async (origin: string) =>
    (await call(LOGS, { token, json: {}, headers: { origin } })).status;
  assert.deepEqual([await statusFrom(PAGE), await statusFrom('https://evil.example')], [201, 403]);
});
