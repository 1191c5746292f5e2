// The admin API: what can be made, by whom, and that it holds at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrganizationEvent } from '../../src/events.ts';
import { LogRefused, LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { ENDPOINT, LOGS, ORGANIZATIONS, startApi, startWithOrganization } from './api.ts';
import { assertProblem } from './client.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('an organization is made, shown and listed at once; its secret is told once and kept sealed', async (t) => {
  const { call, ok, events, secrets } = await startApi(t);
  const { status, body } = await call(ORGANIZATIONS, { json: { name: 'acme' } });
  assert.equal(status, 201);
  const { publicSecret, ...organization } = body ?? {};
  assert.deepEqual(Object.keys(organization), ['id', 'name', 'createdAt', 'sentLastWebhookAt']);
  assert.match(String(organization.id), /^org_[0-9A-Z]{26}$/);
  assert.match(String(organization.createdAt), ISO);
  assert.equal(organization.sentLastWebhookAt, null);
  assert.deepEqual(await ok(`${ORGANIZATIONS}/${organization.id}`), organization);
  assert.deepEqual(await ok(`${ORGANIZATIONS}/acme`), organization);
  assert.deepEqual(await ok(ORGANIZATIONS), { items: [organization], cursor: null });
  const [event] = await events('organizations');
  assert.ok(event?.type === 'OrganizationCreated');
  assert.equal(secrets.open(event.secret), publicSecret);
});

test('an integration is made, and its token works at once', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  const project = await ok(`${organization}/projects`, { json: { name: 'shop' } });
  assert.deepEqual(Object.keys(project), ['id', 'organizationId', 'name', 'createdAt']);
  const integrations = `/api/v1/projects/${project.id}/integrations`;
  const input = { name: 'node', origins: ['https://a.example'], rateLimits: { burst: '10/1s' } };
  const { publicSecret: token = '', ...integration } = await ok(integrations, { json: input });
  assert.deepEqual(integration, {
    id: integration.id,
    organizationId: project.organizationId,
    projectId: project.id,
    name: 'node',
    createdAt: integration.createdAt,
    origins: ['https://a.example'],
    rateLimits: { burst: '10/1s', sustained: '100/1h' },
    status: 'active',
  });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  assert.deepEqual(await ok(`/api/v1/integrations/${integration.id}`), integration);
  assert.deepEqual(await ok(integrations), { items: [integration], cursor: null });
});

test('an endpoint is made with what it is given, and defaults for the rest', async (t) => {
  const { ok, events, secrets, organization } = await startWithOrganization(t);
  const { signingSecret, ...endpoint } = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  assert.deepEqual(endpoint, {
    id: endpoint.id,
    organizationId: organization.slice(ORGANIZATIONS.length + 1),
    ...ENDPOINT,
    gap: '5s',
    timeout: '5s',
    whenBusy: 'omit',
    maxQueued: 100,
    retries: ['5s', '30s', '5m', '30m', '2h', '5h', '10h', '10h'],
    status: 'active',
    disabledReason: null,
    createdAt: endpoint.createdAt,
  });
  assert.match(String(signingSecret), /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual(await ok(`/api/v1/endpoints/${endpoint.id}`), endpoint);
  assert.deepEqual(await ok(`${organization}/endpoints`), { items: [endpoint], cursor: null });
  const event = (await events('organizations')).at(-1);
  assert.ok(event?.type === 'EndpointCreated');
  assert.equal(secrets.open(event.secret), signingSecret);
  const settings = { gap: '0s', timeout: '250ms', retries: ['5s', '1m30s'], whenBusy: 'omit' };
  const other = await ok(`${organization}/endpoints`, { json: { ...ENDPOINT, ...settings } });
  assert.deepEqual([other.gap, other.timeout, other.retries], ['0s', '250ms', ['5s', '90s']]);
});

test('nothing of administration is done without the admin token', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { token, organizationId, projectId, integrationId } = await api.integration();
  const before = (await events('organizations')).length;
  const calls: [method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string][] = [
    ['POST', 'organizations'],
    ['GET', 'organizations'],
    ['DELETE', `organizations/${organizationId}`],
    ['POST', `organizations/${organizationId}/projects`],
    ['POST', `organizations/${organizationId}/events`],
    ['POST', `organizations/${organizationId}/rotate-secret`],
    ['POST', `organizations/${organizationId}/endpoints`],
    ['PATCH', `projects/${projectId}`],
    ['GET', `integrations/${integrationId}`],
    ['GET', 'deliveries'],
    ['GET', 'logs'],
    ['GET', 'inbound-webhooks'],
    ['GET', 'status'],
    ['POST', 'deliveries/wh_01J00000000000000000000000/retry'],
  ];
  for (const [method, path] of calls) {
    for (const wrong of [null, token, 'admin_wrong']) {
      assertProblem(await call(`/api/v1/${path}`, { method, token: wrong }), 401);
    }
  }
  assert.equal((await events('organizations')).length, before);
});

test('a name is free once in its place, and taken names are answered 409', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  assertProblem(await call(ORGANIZATIONS, { json: { name: 'acme' } }), 409);
  const other = await ok(ORGANIZATIONS, { json: { name: 'other' } });
  assertProblem(await call(`${ORGANIZATIONS}/${other.id}`, { method: 'PATCH', json: { name: 'acme' } }), 409);
  const same = { method: 'PATCH', json: { name: 'other' } } as const;
  assert.equal((await call(`${ORGANIZATIONS}/${other.id}`, same)).status, 200);
  const shop = await ok(`${organization}/projects`, { json: { name: 'shop' } });
  assertProblem(await call(`${organization}/projects`, { json: { name: 'shop' } }), 409);
  const otherShop = await ok(`${ORGANIZATIONS}/${other.id}/projects`, { json: { name: 'shop' } });
  for (const { id } of [shop, otherShop]) {
    await ok(`/api/v1/projects/${id}/integrations`, { json: { name: 'node' } });
    assertProblem(await call(`/api/v1/projects/${id}/integrations`, { json: { name: 'node' } }), 409);
  }
});

test('of many who want the same name at once exactly one gets it', async (t) => {
  const { call, events } = await startApi(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => call(ORGANIZATIONS, { json: { name: 'acme' } })),
  );
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.equal(answers.filter(({ status }) => status === 409).length, 19);
  assert.equal((await events('organizations')).length, 1);
});

test('what another process has just made is known: as a place, and as a name that is taken', async (t) => {
  const { call, path } = await startApi(t);
  const other = openSqliteLog({ directory: path, serve: false });
  t.after(() => other.close());
  for (let i = 0; i < 5; i++) {
    const organizationId = `org_01J0000000000000000000000${i}` as const;
    const event: OrganizationEvent = {
      type: 'OrganizationCreated',
      organizationId,
      atMs: 0,
      name: `made by the CLI ${i}`,
      secret: 'sealed',
    };
    await other.append([event]);
    const project = await call(`${ORGANIZATIONS}/${organizationId}/projects`, { json: { name: 'shop' } });
    assert.equal(project.status, 201);
    await other.append([
      { ...event, organizationId: `org_01J0000000000000000000001${i}`, name: `next ${i}` },
    ]);
    assertProblem(await call(ORGANIZATIONS, { json: { name: `next ${i}` } }), 409);
  }
});

test('an admin request that the log cannot take is answered 503, and the next one is decided as if it had not been', async (t) => {
  const { call, fault } = await startApi(t);
  fault.append = new LogUnavailable('no space left');
  const answer = await call(ORGANIZATIONS, { json: { name: 'acme' } });
  assertProblem(answer, 503);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  fault.append = undefined;
  assert.equal((await call(ORGANIZATIONS, { json: { name: 'acme' } })).status, 201);
});

test('a log that is damaged is answered 503, and nothing of the file is told', async (t) => {
  const { call, fault } = await startApi(t);
  fault.append = new LogRefused('log.db is damaged: UNIQUE constraint failed');
  const answer = await call(ORGANIZATIONS, { json: { name: 'acme' } });
  assertProblem(answer, 503);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.doesNotMatch(JSON.stringify(answer.body), /log\.db|UNIQUE/);
});

test('a fault of ours is answered 500 and tells nothing of itself', async (t) => {
  const { call, fault } = await startApi(t);
  fault.append = new TypeError('cannot read properties of secret');
  const answer = await call(ORGANIZATIONS, { json: { name: 'acme' } });
  assertProblem(answer, 500);
  assert.doesNotMatch(JSON.stringify(answer.body), /secret/);
});

test('health says that the process lives, readiness which part is not ready', async (t) => {
  const parts: { part: string; detail: string }[] = [];
  const { call } = await startApi(t, { notReady: async () => parts });
  assert.equal((await call('/healthz', { token: null })).status, 200);
  assert.equal((await call('/readyz', { token: null })).status, 200);
  parts.push({ part: 'log', detail: 'no space left' });
  const answer = await call('/readyz', { token: null });
  assertProblem(answer, 503);
  assert.deepEqual(answer.body?.parts, parts);
  assert.equal((await call('/healthz', { token: null })).status, 200);
});
