// Queries within one organization: as if there were no other, and by the indexes that find what is its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confinedTo } from '../../src/query/confined.ts';
import { createQueries } from '../../src/query/queries.ts';
import type { Query } from '../../src/views/views.ts';
import * as facts from '../projections/facts.ts';
import { after, ids, NOW_MS } from './store.ts';

const { id } = facts;
const own = id('org', 1);

/** An organization with one of everything, by its number. */
const furnished = [0, 1].flatMap((n) => {
  const organizationId = id('org', n);
  const of = { organizationId, projectId: id('prj', n), integrationId: id('int', n) };
  const delivery = { organizationId, endpointId: id('ep', n), webhookId: id('wh', n), eventId: id('evt', n) };
  return [
    facts.organizationCreated({ organizationId }),
    facts.projectCreated(of),
    facts.integrationCreated(of),
    facts.endpointCreated({ organizationId, endpointId: id('ep', n) }),
    facts.logReceived({ ...of, id: id('in', n) }),
    facts.logRecorded({ ...of, inboundId: id('in', n) }),
    facts.scheduled(delivery),
    facts.processed(delivery),
  ];
});

test('names that others have as well mean what is its own', async (t) => {
  const { queries } = await after(t, ...furnished);
  await assert.rejects(queries.resolve('project', 'shop'), /several are called "shop"/);
  const within = queries.within(own);
  assert.equal(await within.resolve('project', 'shop'), id('prj', 1));
  assert.deepEqual(await ids(within.list('deliveries', { org: 'acme' })), [id('wh', 1)]);
  assert.deepEqual(await ids(within.within(id('org')).list('deliveries', {})), []);
  assert.equal(queries.within(null), queries);
});

test('what is of a thing of somebody else is not found by it', async (t) => {
  const { views } = await after(t, ...furnished);
  const { find, get } = confinedTo(own, views);
  for (const [view, field] of [
    ['deliveries', 'endpointId'],
    ['deliveries', 'eventId'],
    ['logs', 'projectId'],
    ['integrations', 'projectId'],
    ['inboundWebhooks', 'integrationId'],
  ] as const) {
    const prefix = { endpointId: 'ep', eventId: 'evt', projectId: 'prj', integrationId: 'int' }[field];
    const found = (n: number) => find(view, { where: [{ field, eq: id(prefix, n) }], limit: 9 });
    assert.deepEqual([(await found(0)).length, (await found(1)).length], [0, 1], `${view} by ${field}`);
  }
  assert.equal(await get('organizations', id('org')), undefined);
  assert.equal((await get('organizations', own))?.id, own);
});

test('an index that is walked holds what is its own alone', async (t) => {
  const { views } = await after(t, ...furnished);
  const asked: Query[] = [];
  const find: typeof views.find = (view, query) => {
    if (view === 'deliveries') asked.push(query);
    return views.find(view, query);
  };
  const queries = createQueries({ views: { ...views, find }, clock: () => NOW_MS }).within(own);
  const fieldsBy = async (filters: Record<string, string>, found = [id('wh', 1)]) => {
    asked.length = 0;
    assert.deepEqual(await ids(queries.list('deliveries', filters)), found);
    return asked.flatMap(({ where = [] }) => where.map(({ field }) => field));
  };
  assert.deepEqual(await fieldsBy({}), ['organizationId']);
  assert.deepEqual(await fieldsBy({ status: 'error' }, []), ['organizationId', 'status']);
  assert.deepEqual(await fieldsBy({ code: '503' }, []), ['organizationId', 'codeClass']);
  const endpoint = id('ep', 1);
  assert.deepEqual(await fieldsBy({ endpoint }), ['organizationId', 'endpointId']);
  // As many are read as a page has, since nothing else is to be looked at.
  assert.deepEqual(await fieldsBy({ endpoint, org: own, limit: '1' }), ['organizationId', 'endpointId']);
  assert.deepEqual(
    asked.map(({ limit }) => limit),
    [2],
  );
  assert.deepEqual(await fieldsBy({ endpoint, status: 'error' }, []), [
    ...['organizationId', 'endpointId'],
    'status',
  ]);
  // What is usual is looked for among all that are its own.
  assert.deepEqual(await fieldsBy({ status: 'processed' }), ['organizationId']);
  assert.deepEqual(await fieldsBy({ code: '200' }), ['organizationId']);
  assert.deepEqual(await fieldsBy({ endpoint, status: 'processed' }), ['organizationId', 'endpointId']);
});
