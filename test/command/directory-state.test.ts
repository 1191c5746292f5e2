// What events make of the directory: given these events, then this is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { organizationCalled } from '../../src/command/access.ts';
import { sealedIn } from '../../src/command/admin/reseal.ts';
import { type DirectoryState, emptyDirectory, evolve } from '../../src/command/directory-state.ts';
import type {
  EndpointCreated,
  IntegrationCreated,
  OrganizationCreated,
  OrganizationEvent,
  ProjectCreated,
} from '../../src/events.ts';

const ULID = '01J00000000000000000000000';
const organizationId = `org_${ULID}` as const;
const otherOrganizationId = 'org_01J00000000000000000000001' as const;
const projectId = `prj_${ULID}` as const;
const otherProjectId = 'prj_01J00000000000000000000001' as const;
const integrationId = `int_${ULID}` as const;
const otherIntegrationId = 'int_01J00000000000000000000001' as const;
const endpointId = `ep_${ULID}` as const;
const atMs = 1_700_000_000_000;

const organizationCreated: OrganizationCreated = {
  type: 'OrganizationCreated',
  organizationId,
  atMs,
  name: 'acme',
  secret: 'sealed',
};
const projectCreated: ProjectCreated = {
  type: 'ProjectCreated',
  organizationId,
  projectId,
  atMs,
  name: 'shop',
};
const settings = { name: 'node', origins: [], burst: '3/6s', sustained: null, status: 'active' } as const;
const integrationCreated: IntegrationCreated = {
  type: 'IntegrationCreated',
  organizationId,
  projectId,
  integrationId,
  atMs,
  tokenHash: 'hash',
  ...settings,
  origins: [],
};
const endpointCreated: EndpointCreated = {
  type: 'EndpointCreated',
  organizationId,
  endpointId,
  atMs,
  secret: 'sealed',
  url: 'https://a.example/',
  events: ['log.*'],
  gapMs: 5_000,
  timeoutMs: 5_000,
  whenBusy: 'omit',
  maxQueued: 100,
  retriesMs: [],
  status: 'active',
  disabledReason: null,
};
const all = [organizationCreated, projectCreated, integrationCreated, endpointCreated];

function given(...events: OrganizationEvent[]): DirectoryState {
  const state = emptyDirectory();
  for (const event of events) evolve(state, event);
  return state;
}

test('what was made is known by its id, an integration by the hash of its token too', () => {
  const state = given(...all);
  assert.deepEqual(state.organizations.get(organizationId), {
    id: organizationId,
    name: 'acme',
    createdAtMs: atMs,
    secret: 'sealed',
  });
  assert.equal(state.projects.get(projectId)?.name, 'shop');
  assert.equal(state.endpoints.get(endpointId)?.url, 'https://a.example/');
  const integration = state.integrations.get(integrationId);
  assert.equal(integration?.projectId, projectId);
  assert.equal(state.byTokenHash.get('hash'), integration);
});

test('secrets are kept as they are sealed now, so that it is known which master key is needed', () => {
  const sealedAfter = (...events: OrganizationEvent[]) =>
    [...sealedIn(given(...all, ...events), atMs)].map(({ sealed }) => sealed);
  const rotated = { organizationId, atMs } as const;
  assert.deepEqual(sealedAfter(), ['sealed', 'sealed']);
  const ofOrganization = { type: 'OrganizationSecretRotated', ...rotated, secret: 'o' } as const;
  const previousUntilMs = atMs + 1;
  const ofEndpoint = {
    type: 'EndpointSecretRotated',
    ...{ ...rotated, endpointId, secret: 'e', previousUntilMs },
  } as const;
  assert.deepEqual(sealedAfter(ofOrganization, ofEndpoint), ['o', 'e', 'sealed']);
  const resealed = { type: 'SecretsResealed', ...rotated, secrets: { o: 'O', sealed: 'S' } } as const;
  assert.deepEqual(sealedAfter(ofOrganization, ofEndpoint, resealed), ['O', 'e', 'S']);
  assert.deepEqual(sealedAfter({ type: 'EndpointDeleted', organizationId, endpointId, atMs }), ['sealed']);
  assert.deepEqual(sealedAfter({ type: 'OrganizationDeleted', organizationId, atMs }), []);
});

test('what is changed has its new settings, also for who comes with the token', () => {
  const state = given(
    ...all,
    { type: 'OrganizationChanged', organizationId, atMs, name: 'acme 2' },
    { type: 'ProjectChanged', organizationId, projectId, atMs, name: 'shop 2' },
    {
      type: 'IntegrationChanged',
      organizationId,
      integrationId,
      atMs,
      ...settings,
      origins: ['https://a.example'],
      status: 'disabled',
    },
    { ...endpointCreated, type: 'EndpointChanged', gapMs: 0 },
  );
  assert.equal(state.organizations.get(organizationId)?.name, 'acme 2');
  assert.equal(state.projects.get(projectId)?.name, 'shop 2');
  assert.equal(state.byTokenHash.get('hash')?.status, 'disabled');
  assert.equal(state.integrations.get(integrationId)?.createdAtMs, atMs);
  assert.equal(state.endpoints.get(endpointId)?.gapMs, 0);
});

test('after a rotation the new token is known and the old one is not', () => {
  const state = given(...all, {
    type: 'IntegrationSecretRotated',
    organizationId,
    integrationId,
    atMs,
    tokenHash: 'new',
  });
  assert.deepEqual([...state.byTokenHash.keys()], ['new']);
  assert.equal(state.byTokenHash.get('new')?.tokenHash, 'new');
});

test('a deleted organization takes along all that belongs to it, and nothing else', () => {
  const other = { organizationId: otherOrganizationId, projectId: otherProjectId };
  const state = given(
    ...all,
    { ...organizationCreated, organizationId: otherOrganizationId },
    { ...projectCreated, ...other },
    { ...integrationCreated, ...other, integrationId: otherIntegrationId, tokenHash: 'other' },
    { type: 'OrganizationDeleted', organizationId, atMs },
  );
  assert.deepEqual([...state.organizations.keys()], [otherOrganizationId]);
  assert.deepEqual([...state.projects.keys()], [otherProjectId]);
  assert.deepEqual([...state.integrations.keys()], [otherIntegrationId]);
  assert.deepEqual([...state.byTokenHash.keys()], ['other']);
  assert.equal(state.endpoints.size, 0);
});

test('a deleted project takes its integrations along, a deleted integration its token', () => {
  const other = { ...integrationCreated, projectId: otherProjectId, integrationId: otherIntegrationId };
  const state = given(
    ...all,
    { ...projectCreated, projectId: otherProjectId },
    { ...other, tokenHash: 'other' },
    { type: 'ProjectDeleted', organizationId, projectId, atMs },
  );
  assert.deepEqual([...state.byTokenHash.keys()], ['other']);
  evolve(state, { type: 'IntegrationDeleted', organizationId, integrationId: otherIntegrationId, atMs });
  assert.equal(state.byTokenHash.size + state.integrations.size, 0);
  assert.equal(state.endpoints.size, 1);
  evolve(state, { type: 'EndpointDeleted', organizationId, endpointId, atMs });
  assert.equal(state.endpoints.size, 0);
});

test('what is made too late, in what was deleted meanwhile, comes to nothing', () => {
  const organizationDeleted = { type: 'OrganizationDeleted', organizationId, atMs } as const;
  assert.deepEqual(
    given(organizationCreated, organizationDeleted, projectCreated, integrationCreated, endpointCreated),
    emptyDirectory(),
  );
  const projectDeleted = { type: 'ProjectDeleted', organizationId, projectId, atMs } as const;
  const state = given(organizationCreated, projectCreated, projectDeleted, integrationCreated);
  assert.equal(state.integrations.size + state.byTokenHash.size, 0);
});

test('what is there already is not made once more, and goes as if it had been made once', () => {
  const tokenId = `tok_${ULID}` as const;
  const token = { name: 'ops', scopes: ['read' as const], expiresAtMs: null, tokenHash: 'of ops' };
  const tokenCreated = { type: 'TokenCreated', organizationId, tokenId, atMs, ...token } as const;
  const renamed = { type: 'OrganizationChanged', organizationId, atMs, name: 'acme 2' } as const;
  const state = given(...all, tokenCreated, renamed, ...all, tokenCreated);
  assert.equal(state.organizations.get(organizationId)?.name, 'acme 2');
  evolve(state, { type: 'OrganizationDeleted', organizationId, atMs });
  const { tokensByHash, ...rest } = state;
  assert.equal(tokensByHash.get('of ops')?.isRevoked, true);
  assert.deepEqual({ ...rest, tokensByHash: new Map() }, emptyDirectory());
});

test('changes of what is not there change nothing', () => {
  assert.deepEqual(
    given(
      { type: 'OrganizationChanged', organizationId, atMs, name: 'x' },
      { type: 'ProjectChanged', organizationId, projectId, atMs, name: 'x' },
      { type: 'IntegrationSecretRotated', organizationId, integrationId, atMs, tokenHash: 'x' },
      { type: 'IntegrationDeleted', organizationId, integrationId, atMs },
      { ...endpointCreated, type: 'EndpointChanged' },
    ),
    emptyDirectory(),
  );
});

test('an organization that is being imported is known when all of it is there', () => {
  const state = emptyDirectory();
  const importId = 'f'.repeat(64);
  const begins = { type: 'OrganizationImportStarted', organizationId, atMs, importId, runId: '1' } as const;
  for (const event of [begins, organizationCreated, projectCreated, begins, integrationCreated]) {
    evolve(state, event);
    assert.deepEqual([state.organizations.size, state.byTokenHash.size], [0, 0]);
  }
  evolve(state, { type: 'OrganizationImportEnded', organizationId, atMs, importId });
  assert.equal(state.byTokenHash.get('hash')?.id, integrationId);
  assert.equal(state.importing.size, 0);
  evolve(state, begins);
  evolve(state, endpointCreated);
  assert.equal(state.endpoints.size, 1, 'what lives here is not held back');
});

test('an import that was cut off right behind its mark, and made again, is known when all of it is there', () => {
  const importId = 'f'.repeat(64);
  const begins = { type: 'OrganizationImportStarted', organizationId, atMs, importId, runId: '1' } as const;
  const ends = { type: 'OrganizationImportEnded', organizationId, atMs, importId } as const;
  const state = given(begins, { ...begins, runId: '2' }, organizationCreated, projectCreated, ends);
  assert.deepEqual([state.organizations.size, state.projects.size, state.importing.size], [1, 1, 0]);
});

test('an organization is found by the name that it has now, and by its id before all names', () => {
  const state = given(...all, { ...organizationCreated, organizationId: otherOrganizationId });
  const found = (name: string) => organizationCalled(state, name).id;
  // Two processes made it at once, or an import brought it: nobody knows which one is meant.
  const both = `organization: several are called "acme": ${organizationId}, ${otherOrganizationId}`;
  assert.throws(() => found('acme'), { name: 'InvalidQuery', message: both });
  evolve(state, { type: 'OrganizationChanged', organizationId, atMs, name: otherOrganizationId });
  assert.deepEqual(['acme', organizationId, otherOrganizationId].map(found), [
    otherOrganizationId,
    organizationId,
    otherOrganizationId,
  ]);
  evolve(state, { type: 'OrganizationDeleted', organizationId: otherOrganizationId, atMs });
  assert.equal(found(otherOrganizationId), organizationId, 'whose name it is');
  assert.throws(() => found('acme'), { message: /acme/ });
});

test('what is of one organization is found without looking at all', () => {
  const state = given(...all);
  const tokenId = `tok_${ULID}` as const;
  const token = { name: 'ops', scopes: ['read' as const], expiresAtMs: null, tokenHash: 'hash of ops' };
  const { organizations, projects, integrations, endpoints, byTokenHash, tokens, tokensByHash } = state;
  const looked = () => assert.fail('looked at all');
  for (const things of [organizations, projects, integrations, endpoints, byTokenHash, tokens, tokensByHash])
    Object.assign(things, { [Symbol.iterator]: looked, keys: looked, values: looked, entries: looked });
  const ids = { organizationId, atMs };
  evolve(state, { type: 'TokenCreated', ...ids, tokenId, ...token });
  evolve(state, { type: 'SecretsResealed', ...ids, secrets: { sealed: 'anew' } });
  assert.equal(state.endpoints.get(endpointId)?.secret, 'anew');
  evolve(state, { type: 'ProjectDeleted', ...ids, projectId });
  evolve(state, { type: 'OrganizationDeleted', ...ids });
  assert.equal(state.tokensByHash.get('hash of ops')?.isRevoked, true);
  assert.equal(organizations.size + projects.size + integrations.size + endpoints.size + tokens.size, 0);
});
