// What one index answers of a list's filters, and what is looked at document by document.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deliveries } from '../../src/projections/deliveries.ts';
import { logs } from '../../src/projections/logs.ts';
import { planned } from '../../src/query/plan.ts';
import { declaredIndexes, foundBy, madeIndexes } from '../../src/views/definition.ts';
import type { Condition, Document } from '../../src/views/views.ts';
import * as facts from '../projections/facts.ts';
import { after, allPages } from './store.ts';

const indexes = madeIndexes(deliveries.definition).flatMap(foundBy);

/** The fields that are left to the engine. */
function left(conditions: Record<string, string | number>): string[] {
  const where = Object.entries(conditions).map(([field, eq]) => ({ field, eq }));
  return planned({ where }, indexes).where.map(({ field }) => field);
}

test('the index with the most of the fields that are asked for answers, the rest is looked at', () => {
  assert.deepEqual(left({ host: 'a' }), ['host']);
  assert.deepEqual(left({ organizationId: 'o', status: 'error' }), ['organizationId', 'status']);
  assert.deepEqual(left({ organizationId: 'o', host: 'a' }), ['host']);
  assert.deepEqual(left({ status: 'error', organizationId: 'o', endpointId: 'e' }), [
    ...['status', 'organizationId', 'endpointId'],
  ]);
  assert.deepEqual(left({ codeClass: '5xx', responseCode: 503 }), ['responseCode']);
  assert.deepEqual(left({ codeClass: '5xx', responseCode: 503, organizationId: 'o' }), [
    'codeClass',
    'organizationId',
  ]);
  assert.deepEqual(left({ status: 'error', event: 'log.created', error: 'timeout' }), ['error']);
});

test('by what is usual little is found: an index of it answers where nothing else is asked', () => {
  assert.deepEqual(left({ organizationId: 'o', status: 'processed' }), ['organizationId']);
  assert.deepEqual(left({ organizationId: 'o', endpointId: 'e', event: 'log.created', codeClass: '2xx' }), [
    'organizationId',
    'endpointId',
  ]);
  assert.deepEqual(left({ organizationId: 'o', event: 'log.created', status: 'error' }), [
    'organizationId',
    'status',
  ]);
  assert.deepEqual(left({ codeClass: '2xx', responseCode: 204 }), ['responseCode']);
  assert.deepEqual(left({ event: 'log.created', status: 'omitted' }), ['status']);
  assert.deepEqual(left({ status: 'processed' }), ['status']);
  assert.deepEqual(left({ codeClass: '2xx', responseCode: 200 }), []);
});

test('fields that hold each other tell no more than the innermost of them', () => {
  const own = { organizationId: 'o', endpointId: 'e' };
  assert.deepEqual(left({ ...own, host: 'a' }), ['host']);
  assert.deepEqual(left({ ...own, event: 'deploy.created' }), ['organizationId', 'event']);
  const ofLogs = madeIndexes(logs.definition).flatMap(foundBy);
  const where = ['organizationId', 'projectId', 'integrationId', 'fingerprint'].map((field) => ({
    ...{ field, eq: 'x' },
  }));
  const leftOf = (asked: Condition[]) => planned({ where: asked }, ofLogs).where;
  assert.deepEqual(leftOf(where), where.slice(3));
  assert.deepEqual(leftOf(where.slice(0, 3)), where.slice(0, 3));
  assert.deepEqual(leftOf(where.slice(0, 2)), where.slice(0, 2));
});

test('an index may go through what is implied; where it does not, nothing need be looked at for that', () => {
  const implied = [{ field: 'organizationId', eq: 'o' }];
  const where = [{ field: 'endpointId', eq: 'e' }];
  assert.deepEqual(planned({ where, implied }, indexes), { where: [...implied, ...where] });
  assert.deepEqual(planned({ where, implied }, declaredIndexes(deliveries.definition)), { where });
  const byHost = [{ field: 'host', eq: 'a' }];
  assert.deepEqual(planned({ where: byHost, implied }, indexes), { where: byHost });
  assert.deepEqual(planned({ where: [...implied, ...byHost], implied }, indexes), { where: byHost });
});

test('an engine that has all documents in each index goes by both fields', () => {
  const where: Condition[] = [
    { field: 'organizationId', eq: 'o' },
    { field: 'status', eq: 'processed' },
  ];
  assert.deepEqual(planned({ where }, declaredIndexes(deliveries.definition)), { where });
});

test('where no index has any of the fields, all documents are looked at, newest first', () => {
  const { where, keep } = planned({ where: [{ field: 'release', eq: '1.0' }] }, indexes);
  assert.deepEqual(where, []);
  assert.equal(keep?.({ id: 'a', release: '1.0' }), true);
  assert.equal(keep?.({ id: 'b', release: '1.1' }), false);
  assert.equal(keep?.({ id: 'c' }), false);
});

test('what is kept already, ranges of ids, and what must be missing stay as they are', () => {
  const since: Condition = { field: 'id', from: 'wh_1' };
  const missing: Condition = { field: 'deletedAt', eq: null };
  const { where, keep } = planned(
    {
      where: [since, missing, { field: 'error', eq: 'dns' }, { field: 'event', eq: 'log.created' }],
      keep: odd,
    },
    indexes,
  );
  assert.deepEqual(where, [{ field: 'error', eq: 'dns' }, since, missing]);
  assert.equal(keep?.({ id: 'wh_11', event: 'log.created' }), true);
  assert.equal(keep?.({ id: 'wh_12', event: 'log.created' }), false);
  assert.equal(keep?.({ id: 'wh_11', event: 'log.other' }), false);
});

test('all pages together show what meets every filter, whichever index answers', async (t) => {
  const count = 1_200;
  const told = Array.from({ length: count }, (_, n) => [
    facts.scheduled({ webhookId: facts.id('wh', n), kind: n % 7 === 0 ? 'log.rare' : 'log.created' }),
    facts.attemptStarted({ webhookId: facts.id('wh', n), host: `h${n % 5}.example` }),
    ...(n % 3 === 0
      ? [facts.attemptFailed({ webhookId: facts.id('wh', n), responseCode: 500 + (n % 4) })]
      : []),
    ...(n % 3 === 1 ? [facts.processed({ webhookId: facts.id('wh', n), responseCode: 200 + (n % 2) })] : []),
  ]).flat();
  const { queries } = await after(t, ...told);
  const filters = fc.record(
    {
      event: fc.constantFrom('log.rare', 'log.created', 'log.*'),
      host: fc.constantFrom('h0.example', 'h4.example', 'other.example'),
      code: fc.constantFrom('500', '503', '5xx', '404', '200', '201', '2xx'),
      status: fc.constantFrom('pending', 'processed', 'error'),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(filters, async (asked) => {
      const codeOf = (n: number) => [500 + (n % 4), 200 + (n % 2), undefined][n % 3];
      const expected = Array.from({ length: count }, (_, i) => count - 1 - i).filter(
        (n) =>
          [undefined, 'log.*', n % 7 === 0 ? 'log.rare' : 'log.created'].includes(asked.event) &&
          [undefined, `h${n % 5}.example`].includes(asked.host) &&
          [undefined, String(codeOf(n)), `${String(codeOf(n))[0]}xx`].includes(asked.code) &&
          [undefined, n % 3 === 1 ? 'processed' : 'pending'].includes(asked.status),
      );
      const pages = await allPages(queries, ['deliveries', { ...asked, limit: '200' }]);
      assert.deepEqual(
        pages.flat(),
        expected.map((n) => facts.id('wh', n)),
      );
    }),
    { numRuns: 60 },
  );
});

function odd({ id }: Document): boolean {
  return Number(id.at(-1)) % 2 === 1;
}
