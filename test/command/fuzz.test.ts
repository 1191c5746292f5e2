// Whatever is asked of whichever route: an answer comes, it is no fault of ours, and every refusal is a problem that
// leaves nothing in the log. Requests are made up of what the API knows, and of what it does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Topic } from '../../src/events.ts';
import { logReceived } from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { startApi } from './api.ts';
import { ADMIN_TOKEN, assertProblem, wrongFields } from './client.ts';

const TOPICS: readonly Topic[] = ['inbound', 'organizations', 'outbound', 'lanes'];

/** Text that is likely to be mistaken for something else. */
const nasty = fc.oneof(
  fc.constantFrom('', '0', '-1', '1e9', '5s', '99999999999d', '0.0001ms', 'null', '*', '**', 'a*b', '%', '_'),
  fc.constantFrom('__proto__', 'constructor', 'toString', '\u0000', '\ud800', "'; drop table logs --", '..'),
  fc.constantFrom(
    '5xx',
    '500',
    'log.*',
    'active',
    'error',
    '2026-01-31T12:00:00Z',
    '9999-99-99',
    '0000-01-01',
  ),
  fc.constantFrom('wh_01J00000000000000000000000', 'org_01J00000000000000000000000', 'org_', 'default'),
  fc.constantFrom('https://a.example/', 'http://[::1]:1/', '//a', 'javascript:1', '3/6s', 'x'.repeat(1_300)),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const value = fc.oneof(nasty, fc.array(nasty, { maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });

interface Route {
  method: Method;
  path: string;
  /** A body that it takes, mostly. */
  json?: fc.Arbitrary<object>;
}
type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE' | 'PUT' | 'OPTIONS';

const ENDPOINT = { url: fc.constant('https://a.example/'), events: fc.constant(['log.*']) };
const OF_PATH: Record<string, fc.Arbitrary<object>> = {
  '/webhooks/logs': fc.dictionary(fc.oneof(name, nasty), value),
  '/webhooks/deploys': fc.record({ version: name, environment: value }, { requiredKeys: ['version'] }),
  '/organizations': fc.record({ name }),
  '/organizations/:id/projects': fc.record({ name }),
  '/organizations/:id/endpoints': fc.record({ ...ENDPOINT, gap: nasty }, { requiredKeys: ['url', 'events'] }),
  '/organizations/:id/events': fc.record({ kind: fc.constant('order.paid'), data: value }),
  '/organizations/:id/rotate-secret': fc.constant({}),
  '/projects/:id/integrations': fc.record({ name, origins: value }, { requiredKeys: ['name'] }),
  '/endpoints/:id/rotate-secret': fc.constant({}),
  '/deliveries/:id/retry': fc.constant({}),
  '/replays': fc.record(
    { views: seldom(value, fc.constant<unknown>(['logs'])), verify: fc.boolean() },
    { requiredKeys: [] },
  ),
};
const COLLECTIONS = [
  'organizations',
  'projects',
  'integrations',
  'endpoints',
  'deliveries',
  'logs',
  'inbound-webhooks',
];
const ROUTES: Route[] = [
  ...Object.entries(OF_PATH).map(([path, json]): Route => ({ method: 'POST', path, json })),
  ...COLLECTIONS.flatMap((collection): Route[] => [
    { method: 'GET', path: `/${collection}` },
    { method: 'GET', path: `/${collection}/:id` },
    { method: 'PATCH', path: `/${collection}/:id`, json: fc.record({ name }) },
    { method: 'DELETE', path: `/${collection}/:id` },
  ]),
];

const FIELDS = [
  'name',
  'url',
  'events',
  'gap',
  'timeout',
  'whenBusy',
  'maxQueued',
  'grace',
  'retries',
  'status',
  'origins',
  'rateLimits',
];
const OTHER_FIELDS = ['kind', 'data', 'version', '__proto__', 'constructor'];
const FILTERS = [
  'org',
  'project',
  'endpoint',
  'status',
  'event',
  'code',
  'since',
  'until',
  'level',
  'limit',
  'cursor',
];

/** Another body than the one that the route takes: none, none that is JSON, or one with other fields. */
const otherBody = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('', '{', '{"a":1,}', '\ufeff{}', `${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  },
  {
    weight: 6,
    arbitrary: fc
      .oneof(fc.dictionary(fc.constantFrom(...FIELDS, ...OTHER_FIELDS), value), fc.jsonValue())
      .map((json) => JSON.stringify(json)),
  },
);
const query = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...FILTERS), nasty), nasty), { maxLength: 3 })
  .map((pairs) => pairs.map(([key, text]) => `${percentEncoded(key)}=${percentEncoded(text)}`).join('&'));

/** A request as the route takes it, of which each part may be replaced by something else. */
const request = fc.constantFrom(...ROUTES).chain(({ method, path, json = fc.constant(undefined) }) =>
  fc.record({
    method: seldom(
      fc.constantFrom<Method>('GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS'),
      fc.constant(method),
    ),
    path: seldom(
      nasty.map((text) =>
        path.includes(':id') ? path.replace(':id', percentEncoded(text)) : `/${percentEncoded(text)}`,
      ),
      fc.constant(path),
    ),
    query: method === 'GET' ? query : fc.constant(''),
    raw: seldom(
      otherBody,
      json.map((sent) => JSON.stringify(sent)),
    ),
    who: seldom(fc.constantFrom('admin', 'integration', 'nobody'), fc.constant('whoever may')),
    type: seldom(fc.constantFrom('text/plain', ''), fc.constant('application/json')),
  }),
);

/** One time in five the one, else the other. */
function seldom<T>(one: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 1, arbitrary: one }, { weight: 4, arbitrary: other });
}

/** As a URL has it. What is no Unicode is sent as what stands for it. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/^\.\.?$/, '%2e%2e');
}

test('whatever is asked is answered, is no fault of ours, and a refusal leaves nothing in the log', async (t) => {
  const { call, ok, log, ...api } = await startApi(t);
  const unlimited = { rateLimits: { burst: null, sustained: null } };

  /** One of each thing; made anew when it was deleted on the way. */
  async function things(): Promise<{ ids: Record<string, string>; token: string }> {
    const { organizationId, projectId, integrationId, token } = await api.integration(unlimited);
    const json = { url: 'https://a.example/', events: ['log.*'] };
    const { id } = await ok(`/api/v1/organizations/${organizationId}/endpoints`, { json });
    const ids = { organizations: organizationId, projects: projectId, integrations: integrationId };
    return { ids: { ...ids, endpoints: id ?? '' }, token };
  }
  const ends = () => Promise.all(TOPICS.map((topic) => log.ends(topic)));

  const seen = new Set<number>();
  let { ids, token } = await things();
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, raw, who, type }) => {
      const collection = path.split('/')[1] ?? '';
      const url = `/api/v1${path.replace(':id', ids[collection] ?? 'x')}${query === '' ? '' : `?${query}`}`;
      const mayBe = collection === 'webhooks' ? token : ADMIN_TOKEN;
      const bearer = { admin: ADMIN_TOKEN, integration: token, nobody: null, 'whoever may': mayBe }[who];
      const before = await ends();
      const answer = await call(url, {
        method,
        token: bearer,
        ...(raw === undefined || ['GET', 'HEAD'].includes(method)
          ? {}
          : { raw, headers: { 'content-type': type } }),
      });
      const { status } = answer;
      seen.add(status);
      assert.ok(status >= 200 && status < 500, `${status} ${answer.text}`);
      if (status >= 300) {
        if (method !== 'HEAD') assertProblem(answer, status);
        assert.deepEqual(await ends(), before);
      }
      // What was asked for is gone, or has another token: on with new things.
      if (status === 204 || url.endsWith('rotate-secret') || collection === 'integrations') {
        ({ ids, token } = await things());
      }
    }),
    { numRuns: 400 },
  );
  // It is worth nothing if it never gets past the door.
  for (const status of [200, 201, 204, 401, 404, 405, 422]) assert.ok(seen.has(status), `never ${status}`);
});

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
