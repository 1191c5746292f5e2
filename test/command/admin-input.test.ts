// The admin API: what is refused, and that each wrong field is named with what is allowed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { ENDPOINT, LOGS, ORGANIZATIONS, startApi, startWithOrganization } from './api.ts';
import { assertProblem, wrongFields } from './client.ts';

test('each wrong field is named, and nothing is made', async (t) => {
  const { call, events, ok, organization } = await startWithOrganization(t);
  const project = await ok(`${organization}/projects`, { json: { name: 'shop' } });
  const before = (await events('organizations')).length;
  const endpoint = (change: object) => [`${organization}/endpoints`, { ...ENDPOINT, ...change }] as const;
  const integration = (change: object) =>
    [`/api/v1/projects/${project.id}/integrations`, { name: 'node', ...change }] as const;
  const cases: [path: string, json: unknown, fields: string[]][] = [
    [ORGANIZATIONS, {}, ['name']],
    [ORGANIZATIONS, [], ['']],
    [ORGANIZATIONS, { name: '' }, ['name']],
    [ORGANIZATIONS, { name: '   ' }, ['name']],
    [ORGANIZATIONS, { name: 'x'.repeat(101) }, ['name']],
    [ORGANIZATIONS, { name: 'a\nb' }, ['name']],
    [ORGANIZATIONS, { name: 'a\u0000' }, ['name']],
    [ORGANIZATIONS, { name: 'a\ud800' }, ['name']],
    [ORGANIZATIONS, { name: '..' }, ['name']],
    [ORGANIZATIONS, { name: 7 }, ['name']],
    [ORGANIZATIONS, { name: 'acme 2', plan: 'gold', age: 7 }, ['age', 'plan']],
    [ORGANIZATIONS, JSON.parse('{"name":"acme 2","__proto__":{"a":1}}'), ['__proto__']],
    [...integration({ origins: ['https://a.example/path'] }), ['origins.0']],
    [...integration({ origins: ['a.example', '*'] }), ['origins.0', 'origins.1']],
    [...integration({ origins: 'https://a.example' }), ['origins']],
    [
      ...integration({ rateLimits: { burst: '3', sustained: '0/1h' } }),
      ['rateLimits.burst', 'rateLimits.sustained'],
    ],
    [...integration({ rateLimits: { burst: '3/0s' } }), ['rateLimits.burst']],
    [...integration({ rateLimits: { burst: '1000001/1s' } }), ['rateLimits.burst']],
    [...integration({ rateLimits: { burst: '3/25h' } }), ['rateLimits.burst']],
    [...integration({ rateLimits: { burst: 3, daily: '1/1h' } }), ['rateLimits.burst', 'rateLimits.daily']],
    [...integration({ rateLimits: null }), ['rateLimits']],
    [...integration({ status: 'paused' }), ['status']],
    [...endpoint({ url: undefined, events: undefined }), ['events', 'url']],
    ...[
      'a.example',
      '/hook',
      'ftp://a.example/',
      'javascript:alert(1)',
      'https://user:secret@a.example/',
      'https://a.example/#part',
      'https://a.example:0/',
      'https://',
      `https://a.example/${'x'.repeat(2_048)}`,
    ].map((url): [string, unknown, string[]] => [...endpoint({ url }), ['url']]),
    [...endpoint({ events: [] }), ['events']],
    [...endpoint({ events: ['Log.Created', 'a b', ''] }), ['events.0', 'events.1', 'events.2']],
    [...endpoint({ events: Array.from({ length: 51 }, () => 'a') }), ['events']],
    [...endpoint({ gap: '25h' }), ['gap']],
    [...endpoint({ gap: '-1s' }), ['gap']],
    [...endpoint({ gap: 5 }), ['gap']],
    [...endpoint({ gap: '5' }), ['gap']],
    [...endpoint({ gap: null }), ['gap']],
    [...endpoint({ timeout: '99ms' }), ['timeout']],
    [...endpoint({ timeout: '31s' }), ['timeout']],
    [...endpoint({ whenBusy: 'drop' }), ['whenBusy']],
    [...endpoint({ maxQueued: 0 }), ['maxQueued']],
    [...endpoint({ maxQueued: '5' }), ['maxQueued']],
    [...endpoint({ url: 'http://169.254.169.254/latest' }), ['url']],
    [...endpoint({ url: 'http://[::ffff:127.0.0.1]/' }), ['url']],
    [...endpoint({ url: 'http://0x7f.1/' }), ['url']],
    [...endpoint({ url: 'http://10.0.0.1/' }), ['url']],
    [...endpoint({ retries: ['99ms', '5s', '25h'] }), ['retries.0', 'retries.2']],
    [...endpoint({ retries: Array.from({ length: 21 }, () => '5s') }), ['retries']],
    [...endpoint({ disabledReason: 'x', id: 'ep_x' }), ['disabledReason', 'id']],
    [`${organization}/events`, { kind: 'order.paid' }, ['data']],
    [`${organization}/events`, { kind: 'Order Paid', data: 1 }, ['kind']],
    [`${organization}/events`, { kind: 'order.*', data: 1 }, ['kind']],
    [`${organization}/events`, { kind: 'x'.repeat(101), data: 1 }, ['kind']],
    [`${organization}/events`, { kind: 'order.paid', data: 'x'.repeat(65_535) }, ['data']],
  ];
  for (const [path, json, fields] of cases) {
    const answer = await call(path, { json });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer).sort(), fields, JSON.stringify(json).slice(0, 80));
  }
  assert.equal((await events('organizations')).length, before);
});

test('a refusal says what is allowed, and repeats no secret', async (t) => {
  const { call, organization } = await startWithOrganization(t);
  const json = { url: 'https://user:secret@a.example/', events: ['log.*'], whenBusy: 'x', gap: '25h' };
  const answer = await call(`${organization}/endpoints`, { json });
  const messages = JSON.stringify(answer.body);
  assert.doesNotMatch(messages, /secret/);
  for (const allowed of [/\bomit\b/, /24h/, /https/]) assert.match(messages, allowed);
});

test('a URL with control characters, which terminals obey, is refused', async (t) => {
  const { call, organization } = await startWithOrganization(t);
  for (const path of ['\u001b[2J', 'a\nb', 'a\tb', '\u009b', '\ud800']) {
    const answer = await call(`${organization}/endpoints`, {
      json: { ...ENDPOINT, url: `https://a.example/${path}` },
    });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), ['url']);
  }
});

test('a body with thousands of wrong entries is answered with a short list', async (t) => {
  const { call, organization } = await startWithOrganization(t);
  const json = { ...ENDPOINT, events: Array.from({ length: 20_000 }, () => 'A') };
  const answer = await call(`${organization}/endpoints`, { json });
  assertProblem(answer, 422);
  assert.ok(JSON.stringify(answer.body).length < 16_000);
});

test('in production, and only there, an endpoint must be https, unless http is allowed', async (t) => {
  const strict = await startWithOrganization(t, { production: true });
  const json = { url: 'http://a.example/', events: ['log.*'] };
  const answer = await strict.call(`${strict.organization}/endpoints`, { json });
  assertProblem(answer, 422);
  assert.deepEqual(wrongFields(answer), ['url']);
  const elsewhere = await startWithOrganization(t);
  assert.equal((await elsewhere.call(`${elsewhere.organization}/endpoints`, { json })).status, 201);
  const lenient = await startWithOrganization(t, { production: true, allowHttp: true });
  assert.equal((await lenient.call(`${lenient.organization}/endpoints`, { json })).status, 201);
});

test('admin bodies that are not JSON are answered 400, of another type 415, too large 413', async (t) => {
  const { call } = await startApi(t);
  for (const raw of ['{', '', Buffer.from('{"name":"\xe9"}', 'latin1')]) {
    assertProblem(await call(ORGANIZATIONS, { method: 'POST', raw }), 400);
  }
  assertProblem(await call(ORGANIZATIONS, { method: 'POST' }), 400);
  const headers = { 'content-type': 'text/plain' };
  assertProblem(await call(ORGANIZATIONS, { raw: '{"name":"acme"}', headers }), 415);
  assertProblem(await call(ORGANIZATIONS, { json: { name: 'x'.repeat(300_000) } }), 413);
});

test('lists are asked with the filters of the CLI; others are answered 422 and named', async (t) => {
  const { call, ok, ...api } = await startApi(t);
  const { organizationId, token } = await api.integration();
  await ok(LOGS, { token, json: {} });
  await waitFor('the post to be listed', async () => {
    const page = await call(`/api/v1/inbound-webhooks?org=${organizationId}&status=pending&since=1h&limit=1`);
    return (page.body?.items as unknown[] | undefined)?.length === 1;
  });
  const wrong: Record<string, string> = {
    'deliveries?colour=red': 'colour',
    'deliveries?limit=0': 'limit',
    'deliveries?limit=201': 'limit',
    'deliveries?limit=1&limit=2': 'limit',
    'logs?environment=a&environment=b': 'environment',
    'deliveries?cursor=x': 'cursor',
    'deliveries?code=7': 'code',
    'deliveries?since=yesterday': 'since',
    'deliveries?status=lost': 'status',
    'logs?level=loud': 'level',
    'logs?__proto__=x': '__proto__',
  };
  for (const [path, field] of Object.entries(wrong)) {
    const answer = await call(`/api/v1/${path}`);
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field]);
  }
});
