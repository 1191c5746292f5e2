import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { decodeCursor, encodeCursor } from '../../src/query/cursor.ts';
import { InvalidQuery, NotFound } from '../../src/query/errors.ts';
import { parseTime } from '../../src/query/filters.ts';
import type { Queries } from '../../src/query/queries.ts';
import { RESOURCES, type ResourceName } from '../../src/query/resources.ts';
import * as facts from '../projections/facts.ts';
import { after, ids, NOW_MS } from './store.ts';

const { AT_MS, id } = facts;

/** Two of everything. */
const two: HooklaneEvent[] = [0, 1].flatMap((n) => {
  const organizationId = id('org', n);
  const own = { organizationId, projectId: id('prj', n), integrationId: id('int', n) };
  const received = { ...own, inboundId: id('in', n) };
  const delivery = { organizationId, endpointId: id('ep', n), webhookId: id('wh', n), eventId: id('evt', n) };
  return [
    facts.organizationCreated({ organizationId, name: `org ${n}` }),
    facts.projectCreated({ ...own, name: `project ${n}` }),
    facts.integrationCreated({ ...own, name: `integration ${n}`, status: n ? 'disabled' : 'active' }),
    facts.endpointCreated({ organizationId, endpointId: id('ep', n), url: `https://${n}.example/` }),
    facts.tokenCreated({ organizationId, tokenId: id('tok', n), name: `token ${n}` }),
    { ...facts.logReceived(own), id: id('in', n) },
    facts.logRecorded({
      ...received,
      level: n ? 'warning' : 'error',
      environment: `env ${n}`,
      release: `r${n}`,
      message: n ? 'Connection REFUSED by db' : 'connection lost, refund failed',
      fingerprint: `f${n}`,
    }),
    facts.scheduled({ ...delivery, kind: n ? 'log.created' : 'deploy.created' }),
    facts.attemptStarted({ ...delivery, host: `${n}.example` }),
    ...(n ? [facts.processed(delivery)] : [facts.attemptFailed(delivery)]),
  ];
});
two.push(facts.endpointChanged({ status: 'disabled', disabledReason: 'failing' }));
two.push(facts.inboundWebhookFailed({ inboundId: id('in', 2) }));

/** For each resource and filter, what finds the thing number 1 alone; every other question finds number 0 or none. */
const FINDS_ONE: Record<ResourceName, Record<string, string[]>> = {
  organizations: {},
  projects: { org: [id('org', 1), 'org 1'] },
  integrations: { org: ['org 1'], project: [id('prj', 1), 'project 1'], status: ['disabled'] },
  endpoints: { org: ['org 1'], status: ['active'] },
  'inbound-webhooks': {
    org: ['org 1'],
    project: ['project 1'],
    integration: [id('int', 1), 'integration 1'],
  },
  logs: {
    org: ['org 1'],
    project: ['project 1'],
    integration: ['integration 1'],
    level: ['warning'],
    environment: ['env 1'],
    release: ['r1'],
    fingerprint: ['f1'],
    search: ['connection refused', ' refused  CONNECTION ', 'refus', 'DB'],
  },
  deliveries: {
    org: ['org 1'],
    endpoint: [id('ep', 1), 'https://1.example/'],
    status: ['processed'],
    event: ['log.created', 'log.*', 'l*', '*g.cr*', 'log.creat**'],
    code: ['200', '2xx'],
    host: ['1.example', '1.EXAMPLE'],
  },
  tokens: { org: [id('org', 1), 'org 1'] },
  audit: {},
};

for (const [resource, filters] of Object.entries(FINDS_ONE) as [ResourceName, Record<string, string[]>][]) {
  test(`filters of ${resource}`, async (t) => {
    const { queries } = await after(t, ...two);
    const one = `${RESOURCES[resource].prefix}_`;
    for (const [name, texts] of Object.entries(filters)) {
      for (const text of texts) {
        const found = await ids(queries.list(resource, { [name]: text }));
        assert.deepEqual(found, [`${one}${id('x', 1).slice(2)}`], `${name}=${text}`);
      }
    }
    assert.ok((await queries.list(resource, {})).items.length >= 2);
    assert.equal((await queries.list(resource, filters.org ? { org: 'org 0' } : {})).cursor, null);
  });
}

test('every filter that there is was tried above, or is one of time', () => {
  for (const [resource, { filters }] of Object.entries(RESOURCES)) {
    const tried = Object.keys(FINDS_ONE[resource as ResourceName]);
    const inTime = ['since', 'until'].filter((name) => name in filters);
    const elsewhere =
      { 'inbound-webhooks': ['status'], deliveries: ['error'], audit: ['org', 'by'] }[resource] ?? [];
    assert.deepEqual(Object.keys(filters).sort(), [...tried, ...inTime, ...elsewhere].sort(), resource);
  }
});

test('inbound webhooks by status', async (t) => {
  const { queries } = await after(t, ...two, facts.logReceived({ id: id('in', 3) }));
  const found = async (status: string) => ids(queries.list('inbound-webhooks', { status }));
  assert.deepEqual(await found('error'), [id('in', 2)]);
  assert.deepEqual(await found('pending'), [id('in', 3)]);
  assert.deepEqual(await found('processed'), [id('in', 1), id('in')]);
});

test('patterns and classes that match several, one, or none', async (t) => {
  const { queries } = await after(t, ...two);
  const found = async (filters: Record<string, string>) => ids(queries.list('deliveries', filters));
  const both = [id('wh', 1), id('wh')];
  for (const event of ['*', '*.created', '**', '*e*']) assert.deepEqual(await found({ event }), both, event);
  for (const event of ['log', 'log.', 'LOG.*', '*.deleted', 'log.*.x', 'log_created', 'l_g.*']) {
    assert.deepEqual(await found({ event }), [], event);
  }
  assert.deepEqual(await found({ code: '5xx' }), [id('wh')]);
  assert.deepEqual(await found({ code: '201' }), []);
  assert.deepEqual(await found({ code: '2xx', status: 'processed', event: 'log.*', org: 'org 1' }), [
    both[0],
  ]);
  assert.deepEqual(await found({ code: '2xx', event: 'deploy.*' }), []);
});

test('since and until take an age or a time; since counts from then on, until ends before then', async (t) => {
  const at = (ms: number, n: number) => `wh_${ulidAt(ms)}${String(n).padStart(16, '0')}` as const;
  const hour = 3_600_000;
  const times = [AT_MS - 2 * hour, AT_MS, AT_MS + 1, NOW_MS];
  const history = times.map((ms, n) => facts.scheduled({ webhookId: at(ms, n), atMs: ms }));
  const { queries } = await after(t, ...history);
  const found = async (filters: Record<string, string>) => {
    const all = times.map((ms, n) => at(ms, n) as string);
    return (await ids(queries.list('deliveries', filters))).map((one) => all.indexOf(String(one)));
  };
  assert.deepEqual(await found({ since: '1h' }), [3, 2, 1]);
  assert.deepEqual(await found({ since: '2026-01-31T12:00:00.001Z' }), [3, 2]);
  assert.deepEqual(await found({ until: '1h' }), [0]);
  assert.deepEqual(await found({ until: '2026-01-31T12:00:00.001Z' }), [1, 0]);
  assert.deepEqual(await found({ since: '2026-01-31', until: '2026-01-31T12:00:00+00:00' }), [0]);
  assert.deepEqual(await found({ since: '0' }), [3]);
  assert.deepEqual(await found({ since: '99999d' }), [3, 2, 1, 0]);
  assert.deepEqual(await found({ since: '30m', until: '90m' }), []);
});

/** The ten characters of a time in an id. */
function ulidAt(ms: number): string {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return Array.from({ length: 10 }, (_, i) => digits[Math.floor(ms / 32 ** (9 - i)) % 32]).join('');
}

test('a time without a zone is one of UTC, wherever the server stands', (t) => {
  const { TZ } = process.env;
  t.after(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'America/New_York';
  for (const text of [
    '2026-01-31T12:00',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00.000',
    '2026-01-31 12:00',
  ]) {
    assert.equal(parseTime('since', text, NOW_MS), AT_MS, text);
  }
  assert.equal(parseTime('since', '2026-01-31T14:00:00+02:00', NOW_MS), AT_MS);
});

/** The question is refused, and the error names the field. */
async function assertInvalid(asked: ReturnType<Queries['list']>, field: string): Promise<void> {
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof InvalidQuery, String(error));
    assert.equal(error.field, field);
    assert.equal(error.code, 'INVALID_QUERY');
    assert.ok(error.message.startsWith(`${field}: `), error.message);
    return true;
  });
}

test('what is no filter, or none of this resource, is refused by its name, with those that are', async (t) => {
  const { queries } = await after(t, ...two);
  for (const name of ['colour', 'Status', 'constructor', '__proto__', 'toString', '']) {
    const filters = Object.fromEntries([[name, 'x']]);
    await assertInvalid(queries.list('deliveries', filters), name);
  }
  await assertInvalid(queries.list('projects', { status: 'active' }), 'status');
  await assert.rejects(queries.list('logs', { nope: '1' }), /org, project, .*limit, cursor/);
});

test('values that a filter cannot take are refused by its name', async (t) => {
  const { queries } = await after(t, ...two);
  const wrong: [ResourceName, string, string[]][] = [
    ['deliveries', 'status', ['done', '', 'Pending', 'pending,error']],
    ['inbound-webhooks', 'status', ['omitted']],
    ['endpoints', 'status', ['pending']],
    ['logs', 'level', ['warn', 'ERROR', '']],
    ['deliveries', 'code', ['5x', '600', '099', '20', '2000', '5XX', 'xxx', '-1', '']],
    ['deliveries', 'since', ['yesterday', '', '1', '1y', '-1h', '2026', '2026-13-01', '2026-01-31 nonsense']],
    ['logs', 'until', ['soon', '2026-02-30', '2026-01-31T25:00:00Z']],
  ];
  for (const [resource, name, texts] of wrong) {
    for (const text of texts) {
      await assertInvalid(queries.list(resource, { [name]: text }), name);
    }
  }
});

test('a limit is a whole number from 1 to 200', async (t) => {
  const { queries } = await after(t, ...two);
  for (const limit of ['0', '201', '-1', '1.5', '', ' 1', '1e1', 'all', '0x10']) {
    await assertInvalid(queries.list('deliveries', { limit }), 'limit');
  }
  assert.equal((await queries.list('deliveries', { limit: '200' })).items.length, 2);
  assert.equal((await queries.list('deliveries', { limit: '1' })).items.length, 1);
});

test('a cursor is one that a page of the same resource has given', async (t) => {
  const { queries } = await after(t, ...two);
  const { cursor } = await queries.list('deliveries', { limit: '1' });
  assert.ok(cursor);
  assert.deepEqual(decodeCursor('wh', cursor), id('wh', 1));
  const older = Buffer.from(`${id('wh', 1)} ${id('wh', 1)}`).toString('base64url');
  assert.equal(decodeCursor('wh', older), id('wh', 1));
  const forged = [
    '',
    'x',
    cursor.slice(0, 20),
    Buffer.from(`${id('wh')} ${id('wh')} ${id('wh')}`).toString('base64url'),
    Buffer.from("wh_' OR 1=1 -- x").toString('base64url'),
    encodeCursor('wh_short'),
  ];
  for (const text of forged) await assertInvalid(queries.list('deliveries', { cursor: text }), 'cursor');
  await assertInvalid(queries.list('logs', { cursor }), 'cursor');
});

test('history of what is deleted is found by the id of that, and no longer by its name', async (t) => {
  const { queries } = await after(
    t,
    ...two,
    { type: 'EndpointDeleted', organizationId: id('org'), endpointId: id('ep'), atMs: AT_MS },
    { type: 'ProjectDeleted', organizationId: id('org'), projectId: id('prj'), atMs: AT_MS },
    { type: 'OrganizationDeleted', organizationId: id('org', 1), atMs: AT_MS },
  );
  assert.deepEqual(await ids(queries.list('deliveries', { endpoint: id('ep') })), [id('wh')]);
  assert.deepEqual(await ids(queries.list('logs', { project: id('prj') })), [id('log')]);
  assert.deepEqual(await ids(queries.list('deliveries', { org: id('org', 1) })), [id('wh', 1)]);
  await assert.rejects(queries.list('logs', { project: 'project 0' }), NotFound);
  await assert.rejects(queries.list('integrations', { project: id('prj') }), NotFound);
});

test('names of nothing in a filter are not found', async (t) => {
  const { queries } = await after(t, ...two);
  await assert.rejects(queries.list('logs', { org: 'nobody' }), NotFound);
  await assert.rejects(queries.list('deliveries', { endpoint: id('ep', 7) }), NotFound);
  await assert.rejects(queries.list('projects', { org: id('prj') }), NotFound);
});
