// Moving by HTTP: what is exported there is imported here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { serve } from './app.ts';
import { ADMIN_TOKEN, assertProblem } from './client.ts';

const env = { HOOKLANE_MASTER_KEY: Buffer.alloc(32, 3).toString('base64') };
const headers = { 'content-type': 'application/x-ndjson' };

async function exported(
  port: number,
  organization: string,
): Promise<{ status: number; type: unknown; text: string }> {
  const url = `http://127.0.0.1:${port}/api/v1/organizations/${organization}/export`;
  const response = await request(url, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const { statusCode: status, headers: got } = response;
  return { status, type: got['content-type'], text: await response.body.text() };
}

test('an organization moves by HTTP, and its token goes on working', async (t) => {
  const from = await serve(t, { env });
  const post = { token: from.token, json: { message: 'hello' } };
  const { id } = await from.ok('/api/v1/webhooks/logs', post);
  await waitFor('it to be recorded', async () => {
    const { items } = await from.ok<{ items: unknown[] }>('/api/v1/logs');
    return items.length === 1;
  });
  const { status, type, text } = await exported(from.port, 'default');
  assert.deepEqual([status, type], [200, 'application/x-ndjson']);
  assert.equal(JSON.parse(text.split('\n')[0] ?? '').serving, true);

  const to = await serve(t, { env, path: temporaryDirectory(t) });
  const imported = await to.call('/api/v1/import', { raw: text, headers });
  assert.deepEqual([imported.status, imported.body?.inbound], [201, 1]);
  const again = await to.call('/api/v1/import', { raw: text, headers });
  assert.deepEqual([again.status, again.body?.wasThere], [200, true]);
  const shown = await to.ok<{ status: string }>(`/api/v1/inbound-webhooks/${id}`);
  assert.equal(shown.status, 'processed');
  await to.ok('/api/v1/webhooks/logs', post);
});

test('what cannot be exported or imported is a problem that says why', async (t) => {
  const { call, port, ok } = await serve(t, { env });
  assertProblem(await call('/api/v1/organizations/nobody/export'), 404);
  assertProblem(await call('/api/v1/organizations/default/export', { token: null }), 401);
  assertProblem(await call('/api/v1/import', { token: 'x', raw: 'x', headers }), 401);
  assertProblem(await call('/api/v1/import', { json: {} }), 415);
  assertProblem(await call('/api/v1/import', { method: 'POST' }), 400);
  const foreign = await call('/api/v1/import', { raw: 'PK', headers });
  assertProblem(foreign, 422);
  assert.equal(foreign.body?.detail, 'this is no export of Hooklane');
  const { text } = await exported(port, 'default');
  const here = await call('/api/v1/import', { raw: text, headers });
  assertProblem(here, 409);
  assert.match(String(here.body?.detail), /^org_\w+ is here already/);
  assertProblem(await call('/api/v1/import', { raw: text.slice(0, -20), headers }), 422);
  await ok('/healthz');
});
