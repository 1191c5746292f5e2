// Moving by HTTP: what is exported there is imported here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { request } from 'undici';
import type { OrganizationId } from '../../src/ids.ts';
import { lastLineOf } from '../../src/transfer/format.ts';
import { id, scheduled } from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { startWithOrganization } from './api.ts';
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

test('what is imported may be gzip; what is cut off, or encoded otherwise, is refused and leaves the server well', async (t) => {
  const { call, port, ok } = await serve(t, { env });
  const { text } = await exported(port, 'default');
  const send = (raw: Buffer, encoding: string) =>
    call('/api/v1/import', { raw, headers: { ...headers, 'content-encoding': encoding } });
  const packed = gzipSync(text);
  const whole = await send(packed, 'gzip');
  assertProblem(whole, 409);
  for (const encoding of ['GZIP', 'x-gzip']) assertProblem(await send(packed, encoding), 409);
  assertProblem(await send(deflateSync(text), 'deflate'), 409);
  assert.match(String(whole.body?.detail), /^org_\w+ is here already/);
  assertProblem(await send(packed.subarray(0, -20), 'gzip'), 400);
  assertProblem(await send(Buffer.from(text), 'gzip'), 400);
  assertProblem(await send(packed, 'br'), 415);
  await ok('/healthz');
});

test('where no file can be kept nothing is imported, and the places for moves are given back', async (t) => {
  const { call, port } = await serve(t, { env });
  const { text } = await exported(port, 'default');
  const { TMPDIR: before } = process.env;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  process.env.TMPDIR = '/nowhere';
  for (let i = 0; i < 6; i++) {
    const refused = await call('/api/v1/import', { raw: text, headers });
    assertProblem(refused, 503);
    assert.match(String(refused.body?.detail), /cannot be kept here at the moment; nothing was imported/);
  }
  assert.equal((await exported(port, 'default')).status, 200);
});

test('to ask for the head of an export reads nothing', async (t) => {
  const { call } = await serve(t, { env });
  const { status } = await call('/api/v1/organizations/default/export', { method: 'HEAD' });
  assert.ok(status === 404 || status === 405, `${status}`);
});

test('an export that comes to no end under way says why in the place of its end', async (t) => {
  const { port, call, organization, log } = await startWithOrganization(t);
  const organizationId = organization.slice(organization.lastIndexOf('/') + 1) as OrganizationId;
  // No lane knows of them, so they came while it was read.
  const webhooks = Array.from({ length: 1_000 }, (_, n) =>
    scheduled({ organizationId, webhookId: id('wh', n) }),
  );
  await log.append(webhooks);
  const { status, text } = await exported(port, organizationId);
  assert.equal(status, 200);
  const line = lastLineOf(text);
  assert.ok(line !== undefined && 'failed' in line);
  assert.match(line.failed, /has changed while it was read/);
  const refused = await call('/api/v1/import', { raw: text, headers });
  assertProblem(refused, 422);
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
