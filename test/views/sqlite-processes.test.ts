// The store beside other processes: those that write, replace views, leave files behind, fill the disk, or are of
// another release.

import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { ViewDefinition, Views } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { DOCUMENTS, roundBatch, THINGS } from './things.ts';

/** A data directory, and how to open its store: what was opened is closed before the directory goes. */
function storeFor(t: TestContext) {
  const opened: Views[] = [];
  t.after(() => Promise.all(opened.map((views) => views.close())));
  const directory = temporaryDirectory(t);
  function open(definition: ViewDefinition = THINGS): Views {
    const views = openSqliteViews({ directory, definitions: [definition] });
    opened.push(views);
    return views;
  }
  return { directory, file: join(directory, 'views.db'), open };
}

/** Rebuilds the view with one round, and puts it in the live one's place. */
async function rebuild(views: Views, round: number): Promise<void> {
  const shadow = await views.shadow('things');
  await shadow.apply(roundBatch(round));
  assert.equal(await shadow.swap(), true);
}

test('a store is opened and read while another process is writing', async (t) => {
  const { file, open } = storeFor(t);
  const first = open();
  await first.apply(roundBatch(0));
  const writer = new DatabaseSync(file);
  t.after(() => writer.close());
  writer.exec("BEGIN IMMEDIATE; UPDATE things_1 SET doc = '{}'");
  const views = open();
  assert.equal((await views.get('things', 't_0'))?.round, 0);
  writer.exec('ROLLBACK');
});

test('a process that reads finds one whole batch, through every swap, and is never turned away', async (t) => {
  const { directory, open } = storeFor(t);
  const views = open();
  await views.apply(roundBatch(0));
  const reader = fork(join(import.meta.dirname, 'swap-reader.ts'), [directory], { execArgv: [] });
  t.after(() => reader.kill());
  let told: { reads: number; wrong: string[]; ended?: true } = { reads: 0, wrong: [] };
  reader.on('message', (message: typeof told) => {
    told = message;
  });
  let round = 1;
  await waitFor('300 reads', async () => {
    await views.apply(roundBatch(round));
    await rebuild(views, round++);
    return told.reads >= 300;
  });
  reader.send('stop');
  await waitFor('the reader to end', () => told.ended);
  assert.deepEqual(told.wrong, []);
});

test('a scan goes on in the view that has taken the place of the one where it began', async (t) => {
  const { open } = storeFor(t);
  const [views, other] = [open(), open()];
  const ids = Array.from({ length: 1_100 }, (_, i) => `t_${String(i).padStart(4, '0')}`);
  const cause = { topic: 'outbound', partition: 0, offset: 0 } as const;
  const batch = { patches: ids.map((id) => ({ view: 'things', id, cause })), positions: [] };
  await views.apply(batch);
  const found: string[] = [];
  for await (const documents of views.scan('things')) {
    found.push(...documents.map(({ document }) => document.id));
    const shadow = await other.shadow('things');
    await shadow.apply(batch);
    assert.equal(await shadow.swap(), true);
  }
  assert.deepEqual(found, ids);
});

test('a file that was deleted is made anew, empty, also where its write-ahead log has stayed', async (t) => {
  const { file, open } = storeFor(t);
  const views = open();
  await views.apply(roundBatch(0));
  const left = readFileSync(`${file}-wal`);
  assert.ok(left.length > 0);
  await views.close();
  rmSync(file);
  writeFileSync(`${file}-wal`, left);
  const anew = open();
  assert.equal(await anew.count('things'), 0);
  assert.deepEqual(await anew.positions('things'), {});
  await anew.apply(roundBatch(0));
  assert.equal(await anew.count('things'), DOCUMENTS);
});

test('a topic that a newer version has left does not hold up the swap', async (t) => {
  const { open } = storeFor(t);
  const older = open({ ...THINGS, topics: ['outbound', 'organizations'] });
  const left = { topic: 'organizations', partition: 0, offset: 7 } as const;
  await older.apply({ patches: [], positions: [left] });
  const views = open({ ...THINGS, version: 2 });
  const beside = open({ ...THINGS, version: 2 });
  await rebuild(views, 0);
  assert.deepEqual(await views.positions('things'), { outbound: { 0: 1 } });
  assert.equal(await beside.isOutdated('things'), false);
});

test('where the disk is full nothing is changed, reading goes on, and the same calls succeed later', {
  skip: process.platform === 'win32' && 'needs ulimit',
}, async (t) => {
  const { directory, file, open } = storeFor(t);
  await open().close();
  const script = join(import.meta.dirname, 'short-of-disk.ts');
  const command = 'ulimit -f 1024; exec "$0" "$@"';
  const child = spawn('sh', ['-c', command, process.execPath, script, directory], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill());
  const messages: Record<string, unknown>[] = [];
  child.on('message', (message: Record<string, unknown>) => messages.push(message));
  const exit = once(child, 'exit');
  const { failed, codes, state } = await waitFor('the disk to be full', () => messages[0]);
  assert.deepEqual(codes, ['VIEWS_UNAVAILABLE', 'VIEWS_UNAVAILABLE']);
  assert.deepEqual(state, { round: Number(failed) - 1, next: failed });
  // Makes room: what is in the write-ahead log goes where it belongs.
  const db = new DatabaseSync(file);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  child.send('go on');
  assert.deepEqual(await exit, [0, null]);
  assert.deepEqual(messages[1], {
    applied: { round: failed, next: Number(failed) + 1 },
    swapped: true,
    state: { round: 1_000_000, next: 1_000_001 },
  });
});

test('a batch that fails at its end has changed nothing', async (t) => {
  const { open } = storeFor(t);
  const views = open();
  const { patches, positions } = roundBatch(0);
  const none = { topic: 'outbound', partition: 0, offset: Number.NaN } as const;
  await assert.rejects(views.apply({ patches, positions: [...positions, none] }), /constraint/);
  assert.equal(await views.count('things'), 0);
  assert.deepEqual(await views.positions('things'), {});
});
