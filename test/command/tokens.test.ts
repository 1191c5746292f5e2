// Tokens for administration: made, listed, revoked; and that none is good for more than who made it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../src/ids.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { hashToken } from '../../src/secrets.ts';
import { ORGANIZATIONS, startApi, startWithOrganization } from './api.ts';
import { assertProblem, wrongFields } from './client.ts';

const TOKENS = '/api/v1/tokens';

test('a token is made, told once and kept as a hash, works at once, and no longer when it is revoked', async (t) => {
  const { call, ok, events } = await startApi(t);
  const { status, body } = await call(TOKENS, { json: { name: 'ci', expires: '90d' } });
  assert.equal(status, 201);
  const { token, ...told } = body ?? {};
  assert.match(String(token), /^adm_[\w-]{32}$/);
  const { id, createdAt, expiresAt } = told;
  assert.deepEqual(told, {
    ...{ id, organizationId: null, name: 'ci', scopes: ['read'] },
    ...{ createdAt, createdBy: 'root', expiresAt },
  });
  assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), 90 * 86_400_000);
  assert.deepEqual(await ok(TOKENS), { items: [told], cursor: null });
  assert.deepEqual(await ok(`${TOKENS}/${id}`), told);
  const [event] = await events('organizations');
  assert.ok(event?.type === 'TokenCreated');
  assert.equal(event.tokenHash, hashToken(String(token)));
  assert.ok(!JSON.stringify(event).includes(String(token)));

  assert.equal((await call(ORGANIZATIONS, { token: String(token) })).status, 200);
  assert.equal((await call(`${TOKENS}/${id}`, { method: 'DELETE' })).status, 204);
  const refused = await call(ORGANIZATIONS, { token: String(token) });
  assertProblem(refused, 401);
  assert.equal(refused.headers['www-authenticate'], 'Bearer');
  assert.deepEqual(await ok(TOKENS), { items: [], cursor: null });
  assertProblem(await call(`${TOKENS}/${id}`, { method: 'DELETE' }), 404);
});

test('what a token may not be is named; of two with one name the second is refused', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  for (const [json, field] of [
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'a', scopes: [] }, 'scopes'],
    [{ name: 'a', scopes: ['admin'] }, 'scopes.0'],
    [{ name: 'a', expires: '1s' }, 'expires'],
    [{ name: 'a', expires: 'never' }, 'expires'],
    [{ name: 'a', org: 'acme' }, 'org'],
  ] as const) {
    const answer = await call(TOKENS, { json });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field], JSON.stringify(json));
  }
  assertProblem(await call(TOKENS, { json: { name: 'a', organization: 'nothing' } }), 404);
  const made = await ok(TOKENS, { json: { name: 'a', organization: 'acme' } });
  assert.equal(`${ORGANIZATIONS}/${made.organizationId}`, organization);
  assertProblem(await call(TOKENS, { json: { name: 'a' } }), 409);
  await ok(`${TOKENS}/${made.id}`, { method: 'DELETE' });
  await ok(TOKENS, { json: { name: 'a' } });
});

test('nobody makes a token that may more than his own, or lasts longer', async (t) => {
  const { call, ok } = await startWithOrganization(t);
  const make = async (token: string, json: object) => call(TOKENS, { token, json });
  const writer = await ok(TOKENS, { json: { name: 'writer', scopes: ['write'], expires: '1h' } });
  const token = writer.token ?? '';
  for (const [json, why] of [
    [{ name: 'x', scopes: ['read'], expires: '10m' }, /a scope that it does not have itself: read/],
    [{ name: 'x', scopes: ['read', 'write'], expires: '10m' }, /does not have itself: read/],
    [{ name: 'x', scopes: ['write'] }, /makes none that lasts longer: give one that is over by 20/],
    [{ name: 'x', scopes: ['write'], expires: '2h' }, /makes none that lasts longer/],
  ] as const) {
    const answer = await make(token, json);
    assertProblem(answer, 403);
    assert.match(String(answer.body?.detail), why);
  }
  const made = await make(token, { name: 'x', scopes: ['write'], organization: 'acme', expires: '10m' });
  assert.deepEqual([made.status, made.body?.createdBy], [201, writer.id]);
  // One that is bound makes none at all.
  assertProblem(await make(String(made.body?.token), { name: 'y', scopes: ['write'], expires: '5m' }), 403);
});

test('what was deleted takes its tokens along', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  const { token = '' } = await ok(TOKENS, { json: { name: 'a', organization: 'acme' } });
  assert.equal((await call(organization, { token })).status, 200);
  await ok(organization, { method: 'DELETE' });
  assertProblem(await call(organization, { token }), 401);
  assert.deepEqual(await ok(TOKENS), { items: [], cursor: null });
});

test('a token that another process has made or revoked a moment ago is known', async (t) => {
  const { call, path, directory } = await startApi(t);
  const other = openSqliteLog({ directory: path, serve: false });
  t.after(() => other.close());
  const ids = { tokenId: newId('tok'), organizationId: null, atMs: 1 };
  const settings = { name: 'a', scopes: ['read' as const], expiresAtMs: null };
  await other.append([{ type: 'TokenCreated', ...ids, ...settings, tokenHash: hashToken('adm_x') }]);
  assert.equal((await call(ORGANIZATIONS, { token: 'adm_x' })).status, 200);
  await other.append([{ type: 'TokenRevoked', ...ids }]);
  await directory.refresh();
  assertProblem(await call(ORGANIZATIONS, { token: 'adm_x' }), 401);
});
