// Replays by HTTP: begun, looked at, cancelled; beside what comes in, and never two of one read model.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { projections } from '../../src/projections/all.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { tamper } from '../projections/stores.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { type Served, type ServeOptions, serve } from './app.ts';
import { assertProblem, wrongFields } from './client.ts';

const REPLAYS = '/api/v1/replays';

interface Replay {
  id: string;
  status: string;
  verify: boolean;
  views: { view: string; events: number; total: number; differences?: number; examples?: object[] }[];
  error?: string;
  startedAt: string;
  finishedAt?: string;
}

interface Place extends Served {
  path: string;
  /** Begins a replay, and waits until it has ended. */
  replayed(json: object): Promise<Replay>;
}

async function begin(t: TestContext, options: ServeOptions = {}): Promise<Place> {
  const path = temporaryDirectory(t);
  const served = await serve(t, { path, ...options });
  return {
    ...served,
    path,
    async replayed(json) {
      const { id } = await served.ok<Replay>(REPLAYS, { json });
      return waitFor('the replay to end', async () => {
        const replay = await served.ok<Replay>(`${REPLAYS}/${id}`);
        return replay.status !== 'running' && replay;
      });
    },
  };
}

/** Where nobody projects: what compares waits until it is stopped. */
const ENDLESS = { roles: ['api'] } as const;
const COMPARE = { json: { views: ['organizations'], verify: true } };

test('read models are rebuilt while posts come in, and are what the log says afterwards', async (t) => {
  const { call, ok, token, path, replayed } = await begin(t);
  let posts = 0;
  const post = async () => {
    await ok('/api/v1/webhooks/logs', { token, json: { message: `number ${posts}` } });
    posts++;
  };
  const recorded = (count: number) =>
    waitFor('all to be recorded', async () => {
      const { items } = await ok<{ items: { id: string }[] }>('/api/v1/logs?limit=200');
      return items.length === count && items;
    });
  for (let n = 0; n < 20; n++) await post();
  await recorded(posts);
  tamper(path, 'logs', 'number 7', 'number 77');
  const before = await replayed({ views: ['logs'], verify: true });
  const [found] = before.views;
  assert.deepEqual(
    [before.status, before.verify, found?.view, found?.differences],
    ['done', true, 'logs', 1],
  );
  assert.match(JSON.stringify(found?.examples), /number 77.*number 7\b/);

  const { status, headers, body } = await call(REPLAYS, { method: 'POST' });
  assert.deepEqual([status, headers.location], [202, `${REPLAYS}/${body?.id}`]);
  const replay = await waitFor('the replay to end', async () => {
    await post();
    const now = await ok<Replay>(`${REPLAYS}/${body?.id}`);
    return now.status !== 'running' && now;
  });
  assert.deepEqual([replay.status, replay.verify, replay.error], ['done', false, undefined]);
  assert.ok(String(replay.finishedAt) >= replay.startedAt);
  assert.deepEqual(
    replay.views.map(({ view }) => view),
    projections.map(({ definition }) => definition.name),
  );
  assert.ok(replay.views.every(({ events, total }) => events <= total));
  assert.ok((replay.views.find(({ view }) => view === 'logs')?.events ?? 0) >= 20);
  await recorded(posts);
  const after = await replayed({ verify: true });
  assert.deepEqual(
    [after.status, after.views.map(({ differences }) => differences)],
    ['done', projections.map(() => 0)],
  );
  const { items } = await ok<{ items: Replay[] }>(REPLAYS);
  assert.deepEqual(
    items.map(({ id }) => id),
    [after.id, replay.id, before.id],
  );
});

test('a read model that somebody else rebuilds is not rebuilt; others are', async (t) => {
  const { call, ok, path, replayed } = await begin(t);
  const definitions = projections.map(({ definition }) => definition);
  const views = openSqliteViews({ directory: path, definitions });
  t.after(() => views.close());
  const shadow = await views.shadow('logs');
  const refused = await call(REPLAYS, { json: { views: ['logs'] } });
  assertProblem(refused, 409);
  assert.match(String(refused.body?.detail), /^logs is being rebuilt by another process/);
  assert.deepEqual(await ok(REPLAYS), { items: [], cursor: null });
  assert.equal((await replayed({ views: ['projects'] })).status, 'done');
  // All of them are begun at once, and none if one is not to be had; what only compares goes from one to the next.
  assertProblem(await call(REPLAYS, { json: { views: ['projects', 'logs'] } }), 409);
  const late = await replayed({ views: ['projects', 'logs'], verify: true });
  assert.deepEqual([late.status, /^logs is being rebuilt/.test(String(late.error))], ['failed', true]);
  await shadow.drop();
  assert.equal((await replayed({ views: ['logs'] })).status, 'done');
});

test('one that is cancelled leaves nothing behind, and meanwhile no other begins', async (t) => {
  const { call, ok, replayed } = await begin(t, ENDLESS);
  const { id, status } = await ok<Replay>(REPLAYS, COMPARE);
  assert.equal(status, 'running');
  const second = await call(REPLAYS, COMPARE);
  assertProblem(second, 409);
  assert.match(String(second.body?.detail), new RegExp(`^a replay runs already: ${id};`));
  const cancelled = await ok<Replay>(`${REPLAYS}/${id}`, { method: 'DELETE' });
  assert.deepEqual([cancelled.id, cancelled.status], [id, 'cancelled']);
  assert.deepEqual(await ok(`${REPLAYS}/${id}`), cancelled);
  assert.deepEqual(await ok(`${REPLAYS}/${id}`, { method: 'DELETE' }), cancelled);
  // A shadow that was left behind would keep others out for half a minute.
  assert.equal((await replayed({ views: ['organizations'] })).status, 'done');
});

test('a server that stops does not wait for a replay, and leaves nothing of it', async (t) => {
  const path = temporaryDirectory(t);
  const { app, ok } = await serve(t, { path, ...ENDLESS });
  await ok<Replay>(REPLAYS, COMPARE);
  await app.close();
  const definitions = projections.map(({ definition }) => definition);
  const views = openSqliteViews({ directory: path, definitions });
  t.after(() => views.close());
  await (await views.shadow('organizations')).drop();
});

test('who asks needs the admin token; what is wrong is named; what there is not is not there', async (t) => {
  const { call, ok, token } = await begin(t);
  for (const [method, path] of [
    ['POST', REPLAYS],
    ['GET', REPLAYS],
    ['GET', `${REPLAYS}/rpl_1`],
    ['DELETE', `${REPLAYS}/rpl_1`],
  ] as const) {
    assertProblem(await call(path, { method, token: null }), 401);
    assertProblem(await call(path, { method, token }), 401);
  }
  for (const [json, field] of [
    [{ views: ['nothing'] }, 'views.0'],
    [{ views: [] }, 'views'],
    [{ views: ['logs', 'logs'] }, 'views'],
    [{ views: 'logs' }, 'views'],
    [{ verify: 'yes' }, 'verify'],
    [{ from: '1h' }, 'from'],
    [[], ''],
  ] as const) {
    const answer = await call(REPLAYS, { json });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field]);
  }
  assertProblem(await call(REPLAYS, { raw: '{' }), 400);
  for (const method of ['GET', 'DELETE'] as const)
    assertProblem(await call(`${REPLAYS}/rpl_1`, { method }), 404);
  assertProblem(await call(REPLAYS, { method: 'PUT', json: {} }), 405);
  assert.deepEqual(await ok(REPLAYS), { items: [], cursor: null });
});
