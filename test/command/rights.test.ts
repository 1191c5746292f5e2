// Who may do what: every admin route, with every kind of token. A route that is not in the table fails the test.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import {
  type EndpointId,
  type IntegrationId,
  newId,
  type OrganizationId,
  type ProjectId,
  siblingId,
} from '../../src/ids.ts';
import { RESOURCES } from '../../src/query/resources.ts';
import { hashToken } from '../../src/secrets.ts';
import * as facts from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { type Api, ORGANIZATIONS, startApi } from './api.ts';
import { assertProblem } from './client.ts';

/** What a route takes, and what it may be asked with. */
interface Rights {
  scope: 'read' | 'write';
  /** Not for who is bound to an organization. */
  unbound?: true;
  json?: (ids: Ids) => object;
}

const read: Rights = { scope: 'read' };
const write: Rights = { scope: 'write' };
const name = () => ({ name: newId('tok') });
const since = () => ({ since: '1h' });
const ofInstallation = (rights: Rights): Rights => ({ ...rights, unbound: true });

/** All but what integrations post to, and what anybody may ask. */
const RIGHTS: Record<string, Rights> = {
  'GET /organizations': read,
  'GET /organizations/:id': read,
  'POST /organizations': ofInstallation({ ...write, json: name }),
  'PATCH /organizations/:id': ofInstallation({ ...write, json: name }),
  'DELETE /organizations/:id': ofInstallation(write),
  'POST /organizations/:id/rotate-secret': write,
  'GET /organizations/:id/projects': read,
  'POST /organizations/:id/projects': { ...write, json: name },
  'GET /organizations/:id/endpoints': read,
  'POST /organizations/:id/endpoints': {
    ...write,
    json: () => ({ url: 'https://a.example/', events: ['*'] }),
  },
  'POST /organizations/:id/events': { ...write, json: () => ({ kind: 'order.paid', data: {} }) },
  'GET /organizations/:id/export': read,
  'GET /projects': read,
  'GET /projects/:id': read,
  'PATCH /projects/:id': { ...write, json: name },
  'DELETE /projects/:id': write,
  'GET /projects/:id/integrations': read,
  'POST /projects/:id/integrations': { ...write, json: name },
  'GET /integrations': read,
  'GET /integrations/:id': read,
  'PATCH /integrations/:id': { ...write, json: name },
  'DELETE /integrations/:id': write,
  'POST /integrations/:id/rotate-secret': write,
  'GET /endpoints': read,
  'GET /endpoints/:id': read,
  'PATCH /endpoints/:id': { ...write, json: () => ({ gap: '1s' }) },
  'DELETE /endpoints/:id': write,
  'POST /endpoints/:id/rotate-secret': write,
  'POST /endpoints/:id/test': write,
  'POST /endpoints/:id/recover': { ...write, json: since },
  'GET /deliveries': read,
  'GET /deliveries/:id': read,
  'GET /deliveries/stats': read,
  'GET /deliveries/tail': read,
  'POST /deliveries/:id/retry': write,
  'POST /deliveries/retry': { ...write, json: ({ deliveries }) => ({ ids: [deliveries] }) },
  'GET /logs': read,
  'GET /logs/:id': read,
  'GET /logs/groups': read,
  'GET /logs/tail': read,
  'GET /inbound-webhooks': read,
  'GET /inbound-webhooks/:id': read,
  'GET /audit': read,
  'GET /tokens': ofInstallation(read),
  'GET /tokens/:id': ofInstallation(read),
  'POST /tokens': ofInstallation({ ...write, json: () => ({ ...name(), scopes: ['write'] }) }),
  'DELETE /tokens/:id': ofInstallation(write),
  'GET /keys': ofInstallation(read),
  'POST /keys': ofInstallation(write),
  'POST /keys/reseal': ofInstallation(write),
  'DELETE /keys/:id': ofInstallation(write),
  'GET /status': ofInstallation(read),
  'GET /replays': ofInstallation(read),
  'GET /replays/:id': ofInstallation(read),
  'POST /replays': ofInstallation(write),
  'DELETE /replays/:id': ofInstallation(write),
  'GET /verifications': ofInstallation(read),
  'GET /verifications/:id': ofInstallation(read),
  'POST /verifications': ofInstallation(read),
  'DELETE /verifications/:id': ofInstallation(read),
  'GET /prunings': ofInstallation(read),
  'GET /prunings/:id': ofInstallation(read),
  'POST /prunings': ofInstallation(write),
  'DELETE /prunings/:id': ofInstallation(write),
  'POST /import': ofInstallation(write),
};

const API = '/api/v1';
const COLLECTIONS = [
  ...['organizations', 'projects', 'integrations', 'endpoints'],
  ...['deliveries', 'logs', 'inbound-webhooks'],
] as const;

/** A thing of each collection, by its name, all of one organization. */
type Ids = Record<string, string>;

/** An organization with one of everything. */
async function furnish(api: Api): Promise<Ids> {
  const made = await api.integration();
  const organizationId = made.organizationId as OrganizationId;
  const ids = {
    organizationId,
    projectId: made.projectId as ProjectId,
    integrationId: made.integrationId as IntegrationId,
  };
  const input = { url: `https://${organizationId}.example/`, events: ['*'] };
  const endpoint = await api.ok(`${ORGANIZATIONS}/${organizationId}/endpoints`, { json: input });
  const endpointId = endpoint.id as EndpointId;
  const inboundId = newId('in');
  const webhookId = newId('wh');
  const log = facts.logRecorded({ ...ids, inboundId });
  const eventId = siblingId('evt', inboundId);
  await api.log.append([
    facts.logReceived({ ...ids, id: inboundId }),
    log,
    facts.omitted({ organizationId, endpointId, webhookId, eventId }),
  ]);
  const things = {
    ...{ organizations: organizationId, projects: ids.projectId, integrations: ids.integrationId },
    ...{ endpoints: endpointId, deliveries: webhookId, logs: log.logId, 'inbound-webhooks': inboundId },
  };
  for (const [collection, id] of Object.entries(things))
    await waitFor(id, async () => (await api.call(`${API}/${collection}/${id}`)).status === 200);
  return things;
}

async function tokenOf(api: Api, input: object): Promise<string> {
  return String((await api.ok(`${API}/tokens`, { json: { name: newId('tok'), ...input } })).token);
}

/** Asks a route of the things of an organization. */
function ask(
  api: Api,
  route: string,
  { ids, token, query = '' }: { ids: Ids; token: string | null; query?: string },
) {
  const [method = '', pattern = ''] = route.split(' ');
  const path = pattern.replace(':id', ids[pattern.split('/')[1] ?? ''] ?? 'nothing');
  const json = RIGHTS[route]?.json?.(ids);
  return api.call(`${API}${path}${query}`, {
    ...{ method: method as 'GET', token },
    ...(json === undefined ? {} : { json }),
  });
}

async function begin(t: TestContext): Promise<{ api: Api; own: Ids; other: Ids }> {
  const api = await startApi(t);
  return { api, own: await furnish(api), other: await furnish(api) };
}

test('every route of administration says who may ask it', async (t) => {
  const { routes } = await startApi(t);
  const administration = [...routes].filter((route) => / \/api\/v1\/(?!webhooks\/)/.test(route));
  const asked = administration.map((route) => route.replace(API, ''));
  // Whatever can be got can be asked for its head.
  const withoutHeads = asked.filter((route) => !route.startsWith('HEAD '));
  assert.deepEqual(withoutHeads.sort(), Object.keys(RIGHTS).sort());
});

test('without a token that is good nobody comes in anywhere, and is told no more than he knows', async (t) => {
  const { api, own } = await begin(t);
  const revoked = await tokenOf(api, { name: 'gone' });
  const { items } = await api.ok<{ items: { id: string; name: string }[] }>(`${API}/tokens`);
  await api.ok(`${API}/tokens/${items.find((token) => token.name === 'gone')?.id}`, { method: 'DELETE' });
  const expired = {
    ...facts.tokenCreated(),
    organizationId: null,
    tokenHash: hashToken('adm_expired'),
    expiresAtMs: 1,
  };
  await api.log.append([expired]);
  const { token: integration } = await api.integration();
  for (const route of Object.keys(RIGHTS)) {
    for (const [token, why] of [
      [null, /needs the header/],
      ['adm_guessed', /is not one for administration/],
      [integration, /is not one for administration/],
      [revoked, /was revoked/],
      ['adm_expired', /has expired/],
    ] as const) {
      const answer = await ask(api, route, { ids: own, token });
      assertProblem(answer, 401);
      assert.match(String(answer.body?.detail), why, route);
    }
  }
});

test('to read takes the scope read, to change the scope write', async (t) => {
  const { api, own } = await begin(t);
  const tokens = {
    read: await tokenOf(api, { scopes: ['read'] }),
    write: await tokenOf(api, { scopes: ['write'] }),
  };
  for (const [route, { scope }] of Object.entries(RIGHTS)) {
    const wrong = scope === 'read' ? 'write' : 'read';
    const answer = await ask(api, route, { ids: own, token: tokens[wrong] });
    assert.equal(answer.status, 403, route);
    assert.match(
      String(answer.body?.detail),
      new RegExp(`takes a token with the scope ${scope}; this one has ${wrong}`),
    );
    const head = route.startsWith('GET ') && !/\/(tail|export)$/.test(route);
    if (head)
      assert.equal(
        (await ask(api, route.replace('GET', 'HEAD'), { ids: own, token: tokens.write })).status,
        403,
      );
    // What follows does not end, and what is deleted would be missed.
    if (route.endsWith('/tail') || route.startsWith('DELETE ')) continue;
    const right = await ask(api, route, { ids: own, token: tokens[scope] });
    assert.ok(![401, 403].includes(right.status), `${route}: ${right.status} ${right.text}`);
  }
});

test('who is bound to an organization finds nothing of another, and nothing of the installation', async (t) => {
  const { api, own, other } = await begin(t);
  const token = await tokenOf(api, { scopes: ['read', 'write'], organization: own.organizations });
  const before = await api.log.ends('organizations');
  for (const [route, { unbound }] of Object.entries(RIGHTS)) {
    const names = route.includes(':id') || route === 'POST /deliveries/retry';
    if (route.endsWith('/tail')) continue;
    const answer = await ask(api, route, { ids: other, token });
    assert.equal(answer.status, unbound ? 403 : names ? 404 : 200, `${route}: ${answer.text}`);
    if (answer.status === 200)
      for (const id of Object.values(other)) assert.ok(!answer.text.includes(id), `${route} tells of ${id}`);
    // What there is and what there is not look the same.
    if (answer.status !== 404) continue;
    const missing = await ask(api, route, {
      ids: Object.fromEntries(COLLECTIONS.map((one) => [one, 'x'])),
      token,
    });
    assert.equal(missing.status, 404, route);
    assert.equal(missing.body?.type, answer.body?.type, route);
  }
  assert.deepEqual(await api.log.ends('organizations'), before, 'nothing was changed');
});

test('nor by a filter, an id or a name in it', async (t) => {
  const { api, own, other } = await begin(t);
  const token = await tokenOf(api, { organization: own.organizations });
  const { name: called } = await api.ok(`${ORGANIZATIONS}/${other.organizations}`);
  const named = {
    org: 'organizations',
    project: 'projects',
    integration: 'integrations',
    endpoint: 'endpoints',
  };
  const lists = [...Object.keys(RESOURCES), 'logs/groups', 'deliveries/stats'].filter(
    (list) => list !== 'tokens',
  );
  for (const list of lists) {
    const resource = list.split('/')[0] ?? '';
    const filters = Object.keys(RESOURCES[resource as keyof typeof RESOURCES].filters);
    for (const [filter, collection] of Object.entries(named)) {
      if (!filters.includes(filter) || (list === 'logs/groups' && filter === 'integration')) continue;
      for (const value of [other[collection], filter === 'org' ? called : undefined]) {
        if (value === undefined) continue;
        const path = `${API}/${list}?${filter}=${encodeURIComponent(value)}`;
        assert.equal((await api.call(path, { token })).status, 404, path);
        assert.equal((await api.call(path)).status, 200, path);
      }
      const path = `${API}/${list}?${filter}=${own[collection]}`;
      assert.equal((await api.call(path, { token })).status, 200, path);
    }
  }
});

test('who is bound to an organization sees and changes all that belongs to it', async (t) => {
  const { api, own } = await begin(t);
  const token = await tokenOf(api, { scopes: ['read', 'write'], organization: own.organizations });
  const { id } = await api.ok(
    `${API}/tokens/${(await api.ok<{ items: { id: string }[] }>(`${API}/tokens`)).items[0]?.id}`,
  );
  for (const collection of COLLECTIONS) {
    const { items } = await api.ok<{ items: { id: string }[] }>(`${API}/${collection}`, { token });
    assert.deepEqual(
      items.map((item) => item.id),
      [own[collection]],
      collection,
    );
  }
  // What takes things away comes last.
  const routes = Object.entries(RIGHTS).filter(([, { unbound }]) => unbound === undefined);
  const last = (route: string) => (route.startsWith('DELETE ') ? (route.includes('projects') ? 2 : 1) : 0);
  for (const [route] of routes.sort(([a], [b]) => last(a) - last(b))) {
    if (route.endsWith('/tail')) continue;
    const answer = await ask(api, route, { ids: own, token });
    assert.ok(answer.status < 300, `${route}: ${answer.status} ${answer.text}`);
  }
  for (const event of await api.events('organizations')) {
    if (!('by' in event) || event.organizationId !== own.organizations) continue;
    if (event.type === 'EndpointDeleted' || event.type === 'EventPublished') assert.equal(event.by, id);
  }
});

test('who is bound to an organization and follows is told of nothing else', async (t) => {
  const { api, own, other } = await begin(t);
  const token = await tokenOf(api, { organization: own.organizations });
  const url = `http://127.0.0.1:${api.port}${API}/logs/tail`;
  const { body } = await request(url, { headers: { authorization: `Bearer ${token}` } });
  let text = '';
  body.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  // Cut by us.
  body.on('error', () => {});
  await waitFor('the first line, which is empty', () => text === '\n');
  for (const organizationId of [other.organizations, own.organizations] as 'org_'[])
    await api.log.append([
      facts.logRecorded({ inboundId: newId('in'), organizationId, message: organizationId }),
    ]);
  await waitFor('a log', () => text.trim() !== '');
  assert.equal(JSON.parse(text).message, own.organizations);
  body.destroy();
});
