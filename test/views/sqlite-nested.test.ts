// How a query goes by an index of fields that hold each other. What it finds is the contract's (test/contract/views-nested.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveries } from '../../src/projections/deliveries.ts';
import { logGroups } from '../../src/projections/log-groups.ts';
import { logs } from '../../src/projections/logs.ts';
import { madeIndexes } from '../../src/views/definition.ts';
import { merged, nestingOf } from '../../src/views/sqlite-nested.ts';
import type { Query, ViewDefinition } from '../../src/views/views.ts';

/** What is left open of a query with these equalities. */
function openOf(definition: ViewDefinition, asked: Record<string, string>, order?: string) {
  const where = Object.entries(asked).map(([field, eq]) => ({ field, eq }));
  const query: Pick<Query, 'where' | 'order'> = {
    where,
    ...(order === undefined ? {} : { order: { field: order } }),
  };
  return nestingOf(madeIndexes(definition), query)?.open;
}

test('a list by an outer field is put together, one that an index has as it is is not', () => {
  const [org, endpoint] = [{ organizationId: 'o' }, { endpointId: 'e' }];
  const ofDeliveries = (asked: Record<string, string>) => openOf(deliveries.definition, asked);
  assert.deepEqual(ofDeliveries(org), ['endpointId']);
  assert.deepEqual(ofDeliveries({ ...org, status: 'error' }), ['endpointId']);
  assert.deepEqual(ofDeliveries({ ...org, event: 'log.created' }), ['endpointId']);
  assert.equal(ofDeliveries({ ...org, event: 'deploy.created' }), undefined);
  assert.equal(ofDeliveries({ ...org, eventId: 'x' }), undefined);
  assert.equal(ofDeliveries({ ...org, ...endpoint }), undefined);
  assert.equal(ofDeliveries({ ...org, ...endpoint, status: 'error' }), undefined);
  assert.equal(ofDeliveries(endpoint), undefined);
  assert.equal(ofDeliveries({ status: 'error' }), undefined);
  assert.equal(ofDeliveries({}), undefined);
});

test('of three that hold each other one or two are left open', () => {
  const [org, project] = [{ organizationId: 'o' }, { projectId: 'p' }];
  const ofLogs = (asked: Record<string, string>) => openOf(logs.definition, asked);
  assert.deepEqual(ofLogs(org), ['projectId', 'integrationId']);
  assert.deepEqual(ofLogs({ ...org, ...project }), ['integrationId']);
  assert.equal(ofLogs({ ...org, ...project, integrationId: 'i' }), undefined);
  assert.equal(ofLogs({ ...org, ...project, fingerprint: 'f' }), undefined);
  assert.equal(ofLogs(project), undefined);
});

test('with an order it is the index that is sorted like that, or none', () => {
  const asked = { organizationId: 'o' };
  assert.deepEqual(openOf(logGroups.definition, asked, 'lastSeenAt'), ['projectId']);
  assert.equal(openOf(logGroups.definition, asked, 'count'), undefined);
  assert.equal(openOf(logGroups.definition, asked), undefined);
  assert.equal(openOf(deliveries.definition, asked, 'attemptCount'), undefined);
});

test('of lists that are put together no more is read than is taken, and one entry of each', () => {
  const read = [0, 0, 0];
  function* list(n: number): Generator<{ at: number; id: string }> {
    for (let i = 99; i >= 0; i--) {
      read[n] = (read[n] ?? 0) + 1;
      yield { at: i, id: `${n < 2 ? 'b' : 'a'}${String(i).padStart(2, '0')}${n}` };
    }
  }
  const page = [...merged([0, 1, 2].map(list)).take(5)].map(({ id }) => id);
  assert.deepEqual(page, ['b991', 'b990', 'b981', 'b980', 'b971']);
  assert.deepEqual(read, [3, 3, 1]);
});
