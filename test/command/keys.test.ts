// GET, POST, DELETE /api/v1/keys: master keys by their ids.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MAX_RESEALED } from '../../src/command/admin/reseal.ts';
import type { LaneSaved } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { masterKeysIfThere } from '../../src/keys.ts';
import { createSecretBox, keyIdOf, sealedUnder } from '../../src/secrets.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { type Api, ORGANIZATIONS, startApi } from './api.ts';
import { assertProblem } from './client.ts';

const KEYS = '/api/v1/keys';
const OLD = Buffer.alloc(32, 7);

interface Shown {
  source: string;
  items: { id: string; seals: boolean; secrets: number; needed: boolean }[];
}

/** An API with keys in a file, and an organization with an endpoint, whose secret was rotated once. */
async function startWithFile(t: TestContext): Promise<Api & { file: string }> {
  const file = join(temporaryDirectory(t), 'master-key');
  writeFileSync(file, `${OLD.toString('base64')}\n`, { mode: 0o600 });
  const api = await startApi(t, { keyFile: file });
  const { id } = await api.ok(ORGANIZATIONS, { json: { name: 'acme' } });
  const endpoint = { url: 'http://127.0.0.1:9/', events: ['*'] };
  const made = await api.ok(`${ORGANIZATIONS}/${id}/endpoints`, { json: endpoint });
  await api.ok(`/api/v1/endpoints/${made.id}/rotate-secret`, { json: {} });
  return { ...api, file };
}

test('keys are listed by their ids, with what is sealed under each, and none is told', async (t) => {
  const { call } = await startWithFile(t);
  const { text, body } = await call(KEYS);
  const id = keyIdOf(OLD);
  assert.deepEqual(body, {
    source: 'master-key',
    items: [{ id, seals: true, secrets: 3, needed: true }],
    cursor: null,
  });
  assert.ok(!text.includes(OLD.toString('base64')));
  assertProblem(await call(KEYS, { token: null }), 401);
});

test('a new key seals what is made from then on, and what there is when that is asked for', async (t) => {
  const { call, ok, events, file, secrets } = await startWithFile(t);
  const made = await ok(KEYS, { method: 'POST' });
  const keys = masterKeysIfThere({ dataDirectory: dirname(file), masterKeys: undefined }) ?? [];
  assert.deepEqual(keys.map(keyIdOf), [made.id, keyIdOf(OLD)]);
  // One rotation at a time.
  assertProblem(await call(KEYS, { method: 'POST' }), 409);
  const before = await events('organizations');
  assert.deepEqual(await ok(`${KEYS}/reseal`, { method: 'POST' }), { resealed: 3, remaining: 0 });
  const [event] = (await events('organizations')).slice(before.length);
  assert.ok(event?.type === 'SecretsResealed');
  for (const [sealed, after] of Object.entries(event.secrets)) {
    assert.deepEqual([sealedUnder(sealed), sealedUnder(after)], [keyIdOf(OLD), made.id]);
    assert.equal(secrets.open(after), secrets.open(sealed));
  }
  assert.deepEqual(await ok(`${KEYS}/reseal`, { method: 'POST' }), { resealed: 0, remaining: 0 });
  await ok(ORGANIZATIONS, { json: { name: 'other' } });
  const { items } = await ok<Shown>(KEYS);
  assert.deepEqual(
    items.map(({ id, seals, secrets: count }) => [id, seals, count]),
    [
      [made.id, true, 4],
      [keyIdOf(OLD), false, 0],
    ],
  );
});

test('a key is kept as long as something that was sealed under it is to be dispatched', async (t) => {
  const { call, ok, file, log } = await startWithFile(t);
  await ok(KEYS, { method: 'POST' });
  await ok(`${KEYS}/reseal`, { method: 'POST' });
  const old = `${KEYS}/${keyIdOf(OLD)}`;
  const refused = await call(old, { method: 'DELETE' });
  assertProblem(refused, 409);
  assert.match(String(refused.body?.detail), /needed still/);
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    const events = await partition.next(100);
    await partition.commit([], (events.at(-1)?.offset ?? -1) + 1);
    take();
  });
  await taken;
  await membership.close();
  assert.equal((await ok<Shown>(KEYS)).items[1]?.needed, false);
  assert.equal((await call(old, { method: 'DELETE' })).status, 204);
  assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, 1);
  assertProblem(await call(old, { method: 'DELETE' }), 404);
  const [seals] = (await ok<Shown>(KEYS)).items;
  assertProblem(await call(`${KEYS}/${seals?.id}`, { method: 'DELETE' }), 409);
});

test('a lane that still holds a secret under a key needs that key', async (t) => {
  const { ok, log, secrets } = await startWithFile(t);
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const lane: LaneSaved = {
    type: 'LaneSaved',
    organizationId: newId('org'),
    seen: 0,
    inboundSeen: {},
    secret: secrets.seal('orgs_1'),
    endpoints: [],
    retried: {},
    importing: null,
  };
  await ok(KEYS, { method: 'POST' });
  await ok(`${KEYS}/reseal`, { method: 'POST' });
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    const events = await partition.next(100);
    await partition.commit([lane], (events.at(-1)?.offset ?? -1) + 1);
    take();
  });
  await taken;
  await membership.close();
  assert.equal((await ok<Shown>(KEYS)).items[1]?.needed, true);
});

test('keys of the environment are changed there, and sealed under here, a bounded number at a time', async (t) => {
  const api = await startApi(t, { masterKeys: [Buffer.alloc(32, 1), OLD] });
  const { call, ok, log, events } = api;
  for (const [path, method] of [
    [KEYS, 'POST'],
    [`${KEYS}/${keyIdOf(OLD)}`, 'DELETE'],
  ] as const) {
    const refused = await call(path, { method });
    assertProblem(refused, 409);
    assert.match(String(refused.body?.detail), /HOOKLANE_MASTER_KEY/);
  }
  const old = createSecretBox([OLD]);
  const organizationId = newId('org');
  const atMs = Date.now();
  await log.append([
    { type: 'OrganizationCreated', organizationId, atMs, name: 'acme', secret: old.seal('orgs_1') },
    ...Array.from({ length: MAX_RESEALED + 1 }, (_, n) => ({
      ...({ type: 'EndpointCreated', organizationId, endpointId: newId('ep'), atMs } as const),
      ...{ url: 'http://127.0.0.1:9/', events: ['*'], gapMs: 0, timeoutMs: 1_000, maxQueued: 1 },
      ...({ whenBusy: 'omit', status: 'active', disabledReason: null } as const),
      ...{ retriesMs: [], secret: old.seal(`whsec_${n}`) },
    })),
  ]);
  assert.equal((await ok<Shown>(KEYS)).source, 'HOOKLANE_MASTER_KEY');
  assert.deepEqual(await ok(`${KEYS}/reseal`, { method: 'POST' }), { resealed: MAX_RESEALED, remaining: 2 });
  assert.deepEqual(await ok(`${KEYS}/reseal`, { method: 'POST' }), { resealed: 2, remaining: 0 });
  const resealed = (await events('organizations')).filter(({ type }) => type === 'SecretsResealed');
  assert.equal(resealed.length, 2);
});
