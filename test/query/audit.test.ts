// The audit: who changed what, found by who, where and when, with what things are called.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { InvalidQuery, NotFound } from '../../src/query/errors.ts';
import * as facts from '../projections/facts.ts';
import { after, NOW_MS } from './store.ts';

const { AT, AT_MS, id } = facts;
const ofOrganization = { organizationId: id('org') };

const changes: HooklaneEvent[] = [
  facts.organizationCreated({ by: 'start' }),
  facts.tokenCreated({ by: 'root', organizationId: null }),
  facts.endpointCreated({ by: id('tok') }),
  facts.organizationCreated({ organizationId: id('org', 1), name: 'other', by: 'cli:deploy' }),
  { type: 'EndpointDeleted', ...ofOrganization, endpointId: id('ep'), atMs: NOW_MS - 60_000, by: 'cli:ann' },
  { type: 'TokenRevoked', tokenId: id('tok'), organizationId: null, atMs: NOW_MS - 30_000, by: null },
];

test('an entry says when, who, what and of which thing, with the names that they have, or had', async (t) => {
  const { queries } = await after(t, ...changes);
  const { items, cursor } = await queries.audit({});
  assert.equal(cursor, null);
  const told = items.map(({ by, byName, what, objectName, organizationName }) => [
    ...[by, byName, what, objectName, organizationName],
  ]);
  assert.deepEqual(told, [
    [null, null, 'token revoked', 'ci', null],
    ['cli:ann', null, 'endpoint deleted', 'https://subscriber.example/hook', 'acme'],
    ['cli:deploy', null, 'organization created', 'other', 'other'],
    [id('tok'), 'ci', 'endpoint created', 'https://subscriber.example/hook', 'acme'],
    ['root', null, 'token created', 'ci', null],
    ['start', null, 'organization created', 'acme', 'acme'],
  ]);
  const { id: entryId, ...entry } = items.at(-1) ?? {};
  assert.match(String(entryId), /^aud_/);
  assert.deepEqual(entry, {
    ...{ at: AT, by: 'start', byName: null, what: 'organization created' },
    ...{ objectId: id('org'), objectName: 'acme', organizationId: id('org'), organizationName: 'acme' },
  });
});

test('entries by who, organization and time, in pages', async (t) => {
  const { queries } = await after(t, ...changes);
  const found = async (filters: Record<string, string>) =>
    (await queries.audit(filters)).items.map(({ what }) => what);
  assert.deepEqual(await found({ by: 'root' }), ['token created']);
  assert.deepEqual(await found({ by: 'cli' }), ['endpoint deleted', 'organization created']);
  assert.deepEqual(await found({ by: 'cli:ann' }), ['endpoint deleted']);
  assert.deepEqual(await found({ by: id('tok') }), ['endpoint created']);
  assert.deepEqual(await found({ org: 'other' }), ['organization created']);
  assert.deepEqual(await found({ org: id('org'), since: '10m' }), ['endpoint deleted']);
  assert.deepEqual(await found({ org: 'acme', until: '10m' }), ['endpoint created', 'organization created']);
  const first = await queries.audit({ limit: '4' });
  assert.equal(first.items.length, 4);
  assert.equal((await queries.audit({ limit: '4', cursor: first.cursor ?? '' })).items.length, 2);
  await assert.rejects(found({ by: 'nobody' }), NotFound);
  await assert.rejects(found({ org: 'nothing' }), NotFound);
  await assert.rejects(found({ org: id('org', 7) }), NotFound);
  await assert.rejects(found({ who: 'root' }), InvalidQuery);
});

test('a token that lives is found by its name, and a deleted organization by its id', async (t) => {
  const { queries, happened } = await after(t, ...changes.slice(0, -1));
  assert.equal((await queries.audit({ by: 'ci' })).items.length, 1);
  await happened({ type: 'OrganizationDeleted', ...ofOrganization, atMs: AT_MS, by: 'root' });
  assert.equal((await queries.audit({ org: id('org') })).items.length, 4);
  await assert.rejects(queries.audit({ org: 'acme' }), NotFound);
});

test('within an organization there is only its own, and others have no names', async (t) => {
  const { queries } = await after(t, ...changes);
  const { items } = await queries.within(id('org')).audit({});
  assert.deepEqual(
    items.map(({ by, byName, organizationId }) => [by, byName, organizationId]),
    ['cli:ann', id('tok'), 'start'].map((by) => [by, null, id('org')]),
  );
});
