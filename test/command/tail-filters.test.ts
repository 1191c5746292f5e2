// Filters of who follows, and those of a list that stands within another thing.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { OrganizationId } from '../../src/ids.ts';
import { id, logRecorded, omitted } from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { ORGANIZATIONS, startApi } from './api.ts';
import { ADMIN_TOKEN, assertProblem, wrongFields } from './client.ts';
import { open } from './raw-client.ts';

const API = '/api/v1';

async function startWithTwo(t: TestContext) {
  const api = await startApi(t);
  const made = async (name: string) => (await api.ok(ORGANIZATIONS, { json: { name } })).id as OrganizationId;
  return { ...api, acme: await made('acme'), other: await made('other') };
}

/** Who follows, and has begun to. */
async function follow(t: TestContext, port: number, path: string) {
  const client = open(t, port);
  client.socket.write(
    `GET ${API}${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`,
  );
  await waitFor('the first line, which is empty', () => client.text().endsWith('\r\n1\r\n\n\r\n'));
  return client;
}

test('who follows is told only of what all filters let through', async (t) => {
  const { port, log, acme, other } = await startWithTwo(t);
  const logs = await follow(t, port, '/logs/tail?org=acme&level=fatal');
  const deliveries = await follow(t, port, '/deliveries/tail?org=acme&status=omitted&event=deploy.*');
  const recorded = (n: number, organizationId: OrganizationId, level: 'fatal' | 'info') =>
    logRecorded({ inboundId: id('in', n), message: `log ${n}.`, organizationId, level });
  await log.append([
    ...[recorded(1, other, 'fatal'), recorded(2, acme, 'info'), recorded(3, acme, 'fatal')],
    omitted({ webhookId: id('wh', 1), organizationId: other, kind: 'deploy.created' }),
    omitted({ webhookId: id('wh', 2), organizationId: acme, kind: 'log.created' }),
    omitted({ webhookId: id('wh', 3), organizationId: acme, kind: 'deploy.created' }),
  ]);
  await waitFor('the log', () => logs.text().includes('log 3.'));
  await waitFor('the delivery', () => deliveries.text().includes(id('wh', 3)));
  assert.doesNotMatch(logs.text(), /log [12]\./);
  for (const n of [1, 2]) assert.ok(!deliveries.text().includes(id('wh', n)), `wh ${n}`);
});

test('a filter that is not known, or not as it may be, is refused before anything is told', async (t) => {
  const { call } = await startWithTwo(t);
  for (const [path, field, why] of [
    ['/logs/tail?foo=1', 'foo', /no such filter; allowed: org, project, integration, level/],
    ['/deliveries/tail?since=1h', 'since', /no such filter; allowed: org, endpoint, status, event/],
    ['/deliveries/tail?limit=1', 'limit', /no such filter/],
    ['/deliveries/tail?status=lost', 'status', /allowed: pending/],
    ['/logs/tail?level=error&level=fatal', 'level', /may be given once/],
  ] as const) {
    const answer = await call(`${API}${path}`);
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field], path);
    assert.match(String(answer.body?.detail), why, path);
    const [error] = (answer.body?.errors ?? []) as { message: string }[];
    assert.equal(answer.body?.detail, `${field}: ${error?.message}`, 'the field is said once');
  }
  assertProblem(await call(`${API}/logs/tail?org=nothing`), 404);
});

test('who is bound to an organization cannot follow another one, by its id or name', async (t) => {
  const { call, ok, other } = await startWithTwo(t);
  const { token = '' } = await ok(`${API}/tokens`, { json: { name: 'a', organization: 'acme' } });
  for (const org of ['other', other])
    for (const what of ['logs', 'deliveries'])
      assertProblem(await call(`${API}/${what}/tail?org=${org}`, { token }), 404);
});

test('what the path of a list says already is refused as a filter', async (t) => {
  const { call, ok, acme } = await startWithTwo(t);
  const { id: project } = await ok(`${ORGANIZATIONS}/${acme}/projects`, { json: { name: 'shop' } });
  for (const [path, field, allowed] of [
    [`/organizations/${acme}/endpoints`, 'org', 'status, limit, cursor'],
    [`/organizations/${acme}/projects`, 'org', 'limit, cursor'],
    [`/projects/${project}/integrations`, 'project', 'org, status, limit, cursor'],
  ] as const) {
    const answer = await call(`${API}${path}?${field}=other`);
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field]);
    assert.match(String(answer.body?.detail), new RegExp(`no such filter; allowed: ${allowed}$`));
    assert.equal((await call(`${API}${path}?limit=1`)).status, 200);
  }
});
