// A live system that moves: from SQLite to SQLite, and from SQLite to Kafka and MongoDB. What was answered 201 is
// there, nothing is sent twice, what was pending goes on under its id, and the gap holds across the move.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { missing } from '../support/engines.ts';
import { type Arrival, startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { exported, livedThrough, posted, sqliteLog } from '../transfer/moving.ts';
import { clusterOf } from './engines.ts';
import { ask, askList, type Environment, type Fields, post, run, serve, start, stop } from './hooklane.ts';

const GAP_MS = 2_000;

/** A data directory with the master key of another one. */
function directoryWithKeyOf(t: TestContext, directory: string): string {
  const own = join(temporaryDirectory(t), 'data');
  mkdirSync(own);
  for (const key of ['master-key', 'admin-token']) copyFileSync(join(directory, key), join(own, key));
  return own;
}

function byId(items: readonly Fields[]): Map<string, Fields> {
  return new Map(items.map((item) => [String(item.id), item]));
}

function idsIn(arrivals: readonly Arrival[]): string[] {
  return arrivals.map(({ headers }) => String(headers['webhook-id']));
}

/** Runs one role or several long enough for `work`. */
async function whileServing(
  t: TestContext,
  directory: string,
  roles: string,
  work: (url: string) => Promise<unknown>,
): Promise<void> {
  const server = await serve(t, directory, { roles });
  await work(server.url);
  await stop(server);
}

async function move(t: TestContext, envFor: (directory: string) => Environment): Promise<void> {
  const old = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: old };
  let isMoved = false;
  const good = await startReceiver(t);
  const bad = await startReceiver(t, (response) => void response.writeHead(isMoved ? 200 : 503).end());
  const before = await serve(t, old);
  const create = (...args: string[]) => ask(t, args, { env });
  const unlimited = ['--burst', 'none', '--sustained', 'none'];
  const integration = await create('integration', 'create', 'web', '--project', 'default', ...unlimited);
  const token = String(integration.publicSecret);
  const endpoint = (url: string, events: string, ...more: string[]) =>
    create('endpoint', 'create', '--org', 'default', '--url', url, '--events', events, ...more);
  const gap = ['--gap', `${GAP_MS}ms`];
  const queue = await endpoint(`${good.url}&of=queue`, 'log.*', ...gap, '--when-busy', 'queue');
  await endpoint(`${good.url}&of=omit`, 'log.*', '--gap', '1h');
  await endpoint(bad.url, 'order.*', '--gap', '0s', '--retries', '2s,2s,2s,2s,2s');
  const posts: string[] = [];
  const postTo = async (url: string, message: string) => {
    const { status, body } = await post(url, token, { message });
    assert.equal(status, 201);
    posts.push(String(body.id));
  };
  for (const message of ['one', 'two', 'three']) await postTo(before.url, message);
  await create('publish', '--org', 'default', '--event', 'order.paid', '--data', '{}');
  await waitFor('all to be tried', () => good.arrivals.length >= 2 && bad.arrivals.length >= 1);
  await stop(before);
  await whileServing(t, old, 'api,record,project', async (url) => {
    await postTo(url, 'recorded, and not taken in');
    await waitFor(
      'it to be recorded',
      async () => (await askList(t, ['logs', 'list'], { env })).length === 4,
    );
  });
  await whileServing(t, old, 'api', (url) => postTo(url, 'not recorded'));

  const there = byId(await askList(t, ['deliveries', 'list'], { env }));
  assert.deepEqual(
    new Set([...there.values()].map(({ status }) => status)),
    new Set(['processed', 'omitted', 'pending']),
  );
  const files = join(temporaryDirectory(t), 'export');
  const [file] = await askList(t, ['export', '--all', '--out', files], { env });
  assert.deepEqual([file?.waiting, file?.unrecorded, readdirSync(files).length], [1, 1, 1]);

  const own = directoryWithKeyOf(t, old);
  const target: Environment = { HOOKLANE_DATA: own, ...envFor(own) };
  isMoved = true;
  const [imported] = await askList(t, ['import', String(file?.file)], { env: target });
  for (const count of ['inbound', 'organizations', 'outbound', 'pending', 'waiting', 'unrecorded'])
    assert.equal(imported?.[count], file?.[count], count);
  const shown = byId(await askList(t, ['deliveries', 'list'], { env: target }));
  assert.deepEqual(shown, there, 'before the start all is as it was');

  const after = await serve(t, own, { env: target });
  await postTo(after.url, 'the token still works');
  const deliveries = await waitFor(
    'all to be delivered',
    async () => {
      const items = await askList(t, ['deliveries', 'list'], { env: target });
      return (
        items.length === 2 * posts.length + 1 && items.every(({ status }) => status !== 'pending') && items
      );
    },
    60_000,
  );
  assert.ok(deliveries.every(({ status }) => status === 'processed' || status === 'omitted'));
  for (const [id, { createdAt, event }] of there)
    assert.deepEqual(
      [byId(deliveries).get(id)?.createdAt, byId(deliveries).get(id)?.event],
      [createdAt, event],
    );
  const inbound = await askList(t, ['inbound', 'list'], { env: target });
  assert.deepEqual(inbound.map(({ id }) => id).sort(), posts.toSorted());
  assert.ok(inbound.every(({ status, logId }) => status === 'processed' && logId));

  const queued = good.arrivals.filter(({ path }) => path.endsWith('queue'));
  assert.equal(new Set(idsIn(queued)).size, queued.length, 'nothing is sent twice');
  assert.equal(queued.length, posts.length);
  for (const [i, { atMs }] of queued.entries()) {
    const sinceMs = atMs - (queued[i - 1]?.atMs ?? Number.NEGATIVE_INFINITY);
    // The receiver notices an arrival a little later than it happens, and not always as much.
    assert.ok(sinceMs > GAP_MS - 100, `${sinceMs} ms after the one before`);
  }
  assert.equal(new Set(idsIn(bad.arrivals)).size, 1, 'the retry has the same id');
  for (const { body, headers } of [queued[0], queued.at(-1)].filter((one) => one !== undefined)) {
    new Webhook(String(queue.signingSecret)).verify(body, headers as Record<string, string>);
    assert.equal(headers.authorization, queued[0]?.headers.authorization);
  }
  const held = await run(t, ['verify'], { env: target });
  assert.equal(held.exit, 0, `${held.stdout}${held.stderr}`);
  const verified = await run(t, ['replay', '--verify'], { env: target });
  assert.equal(verified.exit, 0, verified.stderr);
  await stop(after);
}

test('a live system moves from SQLite to SQLite', (t) => move(t, () => ({})));

test(
  'a live system moves from SQLite to Kafka and MongoDB',
  {
    skip: missing('kafka') || missing('mongodb'),
  },
  (t) => move(t, (directory) => clusterOf(t, directory)),
);

test('an import that is killed is completed by the next one', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  for (let n = 0; n < 40; n++)
    await from.append(Array.from({ length: 1_000 }, (_, i) => posted(`number ${n} ${i}`)));
  const file = await exported(t, from);
  const directory = join(temporaryDirectory(t), 'data');
  const key = Buffer.alloc(32, 1);
  const env = { HOOKLANE_DATA: directory, HOOKLANE_MASTER_KEY: key.toString('base64') };
  const log = openSqliteLog({ directory, serve: false });
  t.after(() => log.close());
  const killed = start(t, ['import', file], { env });
  await waitFor('it to be on its way', async () => ((await log.ends('inbound'))[0] ?? 0) > 2_000);
  killed.kill('SIGKILL');
  assert.equal(await killed.ended, 'SIGKILL');
  const ends = (await log.ends('inbound'))[0] ?? 0;
  assert.ok(ends < 40_000, 'it was in the middle');
  const [resumed] = await askList(t, ['import', file], { env });
  assert.deepEqual([resumed?.resumed, resumed?.unrecorded], [true, 40_002]);
  assert.deepEqual(await log.ends('inbound'), [40_005]);
  const again = await run(t, ['import', file], { env });
  assert.match(again.stderr, /was imported from this file before: there was nothing left to do/);
});

test('wrong usage and wrong keys are said in a line, and nothing is written', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const file = await exported(t, from);
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory };
  const keyless = await run(t, ['import', file], { env });
  assert.deepEqual([keyless.exit, readdirSync(directory)], [1, []]);
  assert.match(keyless.stderr, /^hooklane: there is no master key in .*put its file master-key there.*\n$/);
  const otherKey = Buffer.alloc(32, 2).toString('base64');
  const wrong = await run(t, ['import', '-'], {
    env: { ...env, HOOKLANE_MASTER_KEY: otherKey },
    input: 'no',
  });
  assert.deepEqual([wrong.exit, wrong.stderr], [1, 'hooklane: -: this is no export of Hooklane\n']);
  for (const args of [[], ['--org', 'a', '--all'], ['--all'], ['--org', 'a', '--json']]) {
    const { exit, stderr } = await run(t, ['export', ...args], { env });
    assert.equal(exit, 2, args.join(' '));
    assert.match(stderr, /^hooklane: .* \(hooklane export --help\)\n$/);
  }
  const unknown = await run(t, ['export', '--org', 'acme', '--out', join(directory, 'x')], { env });
  assert.deepEqual([unknown.exit, unknown.stderr], [1, 'hooklane: there is no organization "acme"\n']);
});
