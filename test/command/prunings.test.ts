// Prunings by HTTP: what is old goes, and what is still to be done keeps it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { serve } from './app.ts';
import { assertProblem, wrongFields } from './client.ts';

const PRUNINGS = '/api/v1/prunings';

interface Pruning {
  status: string;
  before: string;
  dryRun: boolean;
  read?: number;
  total?: number;
  items?: { topic: string; events: number }[];
  error?: string;
}

test('what is old is taken out of the log, but for its newest event', async (t) => {
  const { call, ok, token } = await serve(t, { path: temporaryDirectory(t) });
  const pruned = async (json: object) => {
    const { headers } = await call(PRUNINGS, { json });
    return waitFor('the pruning to end', async () => {
      const pruning = await ok<Pruning>(String(headers.location));
      return pruning.status !== 'running' && pruning;
    });
  };
  for (const message of ['one', 'two', 'three']) {
    await ok('/api/v1/webhooks/logs', { token, json: { message } });
  }
  const inbound = async () =>
    (await ok<{ items: object[] }>('/api/v1/inbound-webhooks?status=processed')).items;
  await waitFor('all to be recorded', async () => (await inbound()).length === 3);
  // An age of nothing: what was received in this very millisecond may stay.
  const dry = await waitFor('all to be read', async () => {
    const pruning = await pruned({ before: '0s', dryRun: true });
    return pruning.status === 'done' && pruning;
  });
  assert.deepEqual([dry.dryRun, dry.items?.map(({ events }) => events)], [true, [2, 2, 0]]);
  assert.equal((await inbound()).length, 3);
  assert.ok(dry.total !== undefined && dry.total > 0);
  assert.equal(dry.read, dry.total);
  const { items } = await pruned({ before: '0s' });
  assert.deepEqual(
    items?.map(({ events }) => events),
    [2, 2, 0],
  );
  assert.equal((await inbound()).length, 0);
  const { by, objectId, organizationId } = await waitFor('the audit to say so', async () => {
    const [newest] = (await ok<{ items: Record<string, string | null>[] }>('/api/v1/audit')).items;
    return newest?.what?.startsWith('history pruned before 20') && newest;
  });
  assert.deepEqual({ by, objectId, organizationId }, { by: 'root', objectId: null, organizationId: null });
});

test('what cannot be pruned is refused, with the field', async (t) => {
  const { call } = await serve(t, { path: temporaryDirectory(t) });
  assertProblem(await call(PRUNINGS, { json: { before: '1d' }, token: null }), 401);
  for (const json of [
    {},
    { before: 'soon' },
    { before: '2999-01-01' },
    { before: 1 },
    { before: '1d', dry: true },
  ]) {
    const refused = await call(PRUNINGS, { json });
    assertProblem(refused, 422);
    assert.equal(wrongFields(refused).length, 1);
  }
});
