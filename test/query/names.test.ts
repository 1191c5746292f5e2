// Names work wherever ids do, and what is deleted, or belongs to what is, is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { InvalidQuery, NotFound } from '../../src/query/errors.ts';
import * as facts from '../projections/facts.ts';
import { after, ids } from './store.ts';

const { AT_MS: atMs, id } = facts;
const organizationId = id('org');

const configured: HooklaneEvent[] = [
  facts.organizationCreated(),
  facts.projectCreated(),
  facts.integrationCreated(),
  facts.endpointCreated(),
];
const history: HooklaneEvent[] = [facts.logReceived(), facts.logRecorded(), facts.scheduled()];

const deleted = {
  organization: { type: 'OrganizationDeleted', organizationId, atMs },
  project: { type: 'ProjectDeleted', organizationId, projectId: id('prj'), atMs },
  integration: { type: 'IntegrationDeleted', organizationId, integrationId: id('int'), atMs },
  endpoint: { type: 'EndpointDeleted', organizationId, endpointId: id('ep'), atMs },
} as const satisfies Record<string, HooklaneEvent>;

const things = {
  organization: { list: 'organizations', id: id('org'), name: 'acme' },
  project: { list: 'projects', id: id('prj'), name: 'shop' },
  integration: { list: 'integrations', id: id('int'), name: 'web' },
  endpoint: { list: 'endpoints', id: id('ep'), name: 'https://subscriber.example/hook' },
} as const;
type Kind = keyof typeof things;
const kinds = Object.keys(things) as Kind[];

test('a thing is found by its id and by its name', async (t) => {
  const { queries } = await after(t, ...configured);
  for (const kind of kinds) {
    const thing = things[kind];
    for (const asked of [thing.id, thing.name]) {
      assert.equal(await queries.resolve(kind, asked), thing.id);
      assert.equal((await queries.show(thing.list, asked)).id, thing.id);
    }
  }
});

test('a thing that was renamed is found by its new name alone', async (t) => {
  const renamed = {
    type: 'ProjectChanged',
    organizationId,
    projectId: id('prj'),
    atMs,
    name: 'store',
  } as const;
  const { queries } = await after(t, ...configured, renamed);
  assert.equal(await queries.resolve('project', 'store'), id('prj'));
  await assert.rejects(queries.resolve('project', 'shop'), NotFound);
});

test('a name is told to the letter, and unknown names and ids are not found', async (t) => {
  const { queries } = await after(t, ...configured);
  for (const asked of ['ACME', 'acm', 'acme ', '', '%', id('org', 9), id('prj')]) {
    await assert.rejects(queries.resolve('organization', asked), (error) => {
      assert.ok(error instanceof NotFound);
      assert.equal(error.code, 'NOT_FOUND');
      assert.equal(error.message, `there is no organization ${JSON.stringify(asked)}`);
      return true;
    });
  }
});

test('a name that several have is ambiguous, and the answer tells their ids', async (t) => {
  const other = facts.projectCreated({ projectId: id('prj', 1) });
  const { queries, happened } = await after(t, ...configured, other);
  for (const asked of [queries.resolve('project', 'shop'), queries.list('logs', { project: 'shop' })]) {
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof InvalidQuery);
      assert.equal(error.field, 'project');
      for (const n of [0, 1]) assert.ok(error.message.includes(id('prj', n)), error.message);
      return true;
    });
  }
  await happened(deleted.project);
  assert.equal(await queries.resolve('project', 'shop'), id('prj', 1));
});

test('a living thing is found by its name behind many deleted namesakes', async (t) => {
  const gone = Array.from({ length: 25 }, (_, n): HooklaneEvent[] => {
    const projectId = id('prj', n + 1);
    return [facts.projectCreated({ projectId }), { ...deleted.project, projectId }];
  });
  const { queries } = await after(t, ...configured, ...gone.flat());
  assert.equal(await queries.resolve('project', 'shop'), id('prj'));
});

test('a living thing is found by its name behind many namesakes whose organization is deleted', async (t) => {
  const other = id('org', 1);
  const gone = Array.from({ length: 25 }, (_, n) =>
    facts.projectCreated({ organizationId: other, projectId: id('prj', n + 1) }),
  );
  const { queries } = await after(
    t,
    ...configured,
    facts.organizationCreated({ organizationId: other, name: 'other' }),
    ...gone,
    { ...deleted.organization, organizationId: other },
  );
  assert.equal(await queries.resolve('project', 'shop'), id('prj'));
});

const GOES_WITH: Record<Kind, Kind[]> = {
  organization: kinds,
  project: ['project', 'integration'],
  integration: ['integration'],
  endpoint: ['endpoint'],
};
for (const kind of kinds) {
  test(`what belongs to a deleted thing goes with it, its history stays: ${kind}`, async (t) => {
    const { queries } = await after(t, ...configured, ...history, deleted[kind]);
    for (const other of kinds) {
      const { list, id: asked, name } = things[other];
      const isGone = GOES_WITH[kind].includes(other);
      assert.deepEqual(await ids(queries.list(list, {})), isGone ? [] : [asked], other);
      for (const text of [asked, name]) {
        if (isGone) {
          await assert.rejects(queries.show(list, text), NotFound);
          await assert.rejects(queries.resolve(other, text), NotFound);
        } else assert.equal((await queries.show(list, text)).id, asked);
      }
    }
    for (const list of ['inbound-webhooks', 'logs', 'deliveries'] as const) {
      assert.equal((await queries.list(list, {})).items.length, 1);
    }
    assert.equal((await queries.show('deliveries', id('wh'))).id, id('wh'));
  });
}
