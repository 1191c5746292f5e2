// Verifications by HTTP: the log held to its invariants, of all organizations or of one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { serve } from './app.ts';
import { assertProblem, wrongFields } from './client.ts';

const VERIFICATIONS = '/api/v1/verifications';

interface Verification {
  id: string;
  status: string;
  organizationId?: string;
  events?: number;
  read?: number;
  total?: number;
  checks?: { name: string; checked: number; findings: number }[];
  findings?: { check: string; message: string }[];
}

test('a log is held to its invariants, and what is wrong is told', async (t) => {
  const path = temporaryDirectory(t);
  const { call, ok, token } = await serve(t, { path });
  const verified = async (json: object) => {
    const { headers, body } = await call(VERIFICATIONS, { json });
    assert.equal(headers.location, `${VERIFICATIONS}/${body?.id}`);
    return waitFor('the verification to end', async () => {
      const verification = await ok<Verification>(String(headers.location));
      return verification.status !== 'running' && verification;
    });
  };
  const { id } = await ok('/api/v1/webhooks/logs', { token, json: { message: 'one' } });
  const right = await verified({});
  assert.equal(right.status, 'done');
  assert.deepEqual(right.findings, []);
  assert.ok(right.total !== undefined && right.total > 0);
  assert.equal(right.read, right.total);
  assert.equal(right.checks?.find(({ name }) => name === 'ids')?.findings, 0);

  const log = openSqliteLog({ directory: path, serve: false });
  t.after(() => log.close());
  const [received] = (await Array.fromAsync(log.read('inbound'))).flatMap(({ events }) => events);
  assert.ok(received !== undefined && received.event.id === id);
  await log.append([received.event]);
  for (const json of [
    {},
    { organization: 'default' },
    { organization: received.event.organizationId, limit: 1 },
  ]) {
    const wrong = await verified(json);
    assert.equal(wrong.status, 'done');
    assert.match(wrong.findings?.[0]?.message ?? '', new RegExp(id ?? ''));
  }
  const { id: other } = await ok('/api/v1/organizations', { json: { name: 'other' } });
  const none = await verified({ organization: 'other' });
  assert.deepEqual([none.organizationId, none.findings], [other, []]);
});

test('what cannot be verified is refused, with the field', async (t) => {
  const { call } = await serve(t, { path: temporaryDirectory(t) });
  assertProblem(await call(VERIFICATIONS, { json: {}, token: null }), 401);
  assertProblem(await call(VERIFICATIONS, { json: { organization: 'nobody' } }), 404);
  assertProblem(await call(`${VERIFICATIONS}/vrf_1`), 404);
  for (const json of [{ limit: 0 }, { limit: 'x' }, { organization: '' }, { org: 'default' }]) {
    const refused = await call(VERIFICATIONS, { json });
    assertProblem(refused, 422);
    assert.equal(wrongFields(refused).length, 1);
  }
});
