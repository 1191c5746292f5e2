// The log on SQLite with several processes: one serves, others append and read beside it, some are killed.

import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { LogRefused } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { isServed } from '../../src/log/sqlite-lock.ts';
import { all, changed, joinByHand, numbersOf, take } from '../contract/log-kit.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';

const APPENDER = join(import.meta.dirname, 'appender.ts');
const SHORT_OF_DISK = join(import.meta.dirname, 'short-of-disk.ts');

interface Appender {
  process: ChildProcess;
  /** How many of its events are acknowledged. */
  acknowledged(): number;
  /** Ends it with a signal, or in peace where none is given. */
  end(signal?: 'SIGKILL'): Promise<void>;
}

function startAppender(t: TestContext, directory: string, name: string, how: 'serve' | 'beside'): Appender {
  const child = fork(APPENDER, [directory, name, how], { execArgv: [] });
  t.after(() => child.kill('SIGKILL'));
  let acknowledged = 0;
  child.on('message', (message: { acknowledged: number }) => {
    acknowledged = message.acknowledged;
  });
  const ended = once(child, 'close');
  return {
    process: child,
    acknowledged: () => acknowledged,
    async end(signal) {
      if (signal === undefined) child.send('stop');
      else child.kill(signal);
      await ended;
    },
  };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

test('a directory is served by one process, and a second is told which', async (t) => {
  const directory = temporaryDirectory(t);
  assert.equal(isServed(directory), false);
  const server = startAppender(t, directory, 'child', 'serve');
  await waitFor('the server', () => server.acknowledged() > 0);
  assert.equal(isServed(directory), true);
  const expected = `${directory} is already served by process ${server.process.pid}`;
  assert.throws(
    () => openSqliteLog({ directory, serve: true }),
    (error) => error instanceof LogRefused && error.message.startsWith(expected),
  );
  await server.end();
  assert.equal(isServed(directory), false);
  const log = openSqliteLog({ directory, serve: true });
  assert.equal(isServed(directory), true);
  await log.close();
  assert.equal(isServed(directory), false);
});

test('a server that is killed has lost nothing that it acknowledged, and the next one starts at once', async (t) => {
  const directory = temporaryDirectory(t);
  let numbers: number[] = [];
  for (const round of [1, 2, 3]) {
    const server = startAppender(t, directory, `child${round}`, 'serve');
    await waitFor('some appends', () => server.acknowledged() >= 500);
    await server.end('SIGKILL');
    assert.equal(isServed(directory), false);
    const log = openSqliteLog({ directory, serve: true });
    const stored = await all(log, 'organizations');
    await log.close();
    assert.deepEqual(
      stored.map(({ offset }) => offset),
      upTo(stored.length),
    );
    const before = numbers.length;
    assert.deepEqual(numbersOf(stored.slice(0, before)), numbers);
    numbers = numbersOf(stored);
    assert.deepEqual(numbers.slice(before), upTo(numbers.length - before));
    assert.ok(numbers.length - before >= server.acknowledged());
  }
});

test('what a process appends beside the server reaches its members, followers and ends', async (t) => {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: true });
  t.after(() => log.close());
  const partition = await joinByHand(log, 'organizations').partition(0);
  const stopping = new AbortController();
  const followed: number[] = [];
  const following = (async () => {
    for await (const { events } of log.follow('organizations', stopping)) followed.push(...numbersOf(events));
  })();
  const beside = startAppender(t, directory, 'child', 'beside');
  let own = 0;
  await waitFor('both to have appended', async () => {
    await log.append([changed('server', own++)]);
    return beside.acknowledged() >= 64 && own >= 5;
  });
  await beside.end();
  const count = own + beside.acknowledged();
  const [end = 0] = await log.ends('organizations');
  assert.ok(end >= count);
  const stored = await take(partition, end);
  assert.deepEqual(
    stored.map(({ offset }) => offset),
    upTo(end),
  );
  for (const [name, numbers] of [
    ['org_child', end - own],
    ['org_server', own],
  ] as const) {
    const ofOne = stored.filter(({ event }) => event.organizationId === name);
    assert.deepEqual(numbersOf(ofOne), upTo(numbers));
  }
  await waitFor('the follower', () => followed.length === end);
  assert.deepEqual(followed, numbersOf(stored));
  stopping.abort();
  await following;
});

test('a process beside the server joins no group', async (t) => {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: false });
  t.after(() => log.close());
  assert.throws(() => log.join('recorder', 'inbound', async () => {}), /only the serving process/);
});

test('processes that open a new directory at the same moment all write the same log', async (t) => {
  const directory = join(temporaryDirectory(t), 'new');
  const appenders = upTo(4).map((n) => startAppender(t, directory, `${n}`, n === 0 ? 'serve' : 'beside'));
  await waitFor('all to have appended', () => appenders.every((appender) => appender.acknowledged() >= 32));
  await Promise.all(appenders.map((appender) => appender.end()));
  const log = openSqliteLog({ directory, serve: false });
  t.after(() => log.close());
  const stored = await all(log, 'organizations');
  for (const [n, appender] of appenders.entries()) {
    const ofOne = stored.filter(({ event }) => event.organizationId === `org_${n}`);
    assert.deepEqual(numbersOf(ofOne), upTo(appender.acknowledged()));
  }
});

test('a log is opened and read while another process is writing', async (t) => {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: true });
  t.after(() => log.close());
  await log.append([changed('a', 1)]);
  const writer = new DatabaseSync(join(directory, 'log.db'));
  t.after(() => writer.close());
  writer.exec('BEGIN IMMEDIATE; DELETE FROM organizations');
  const beside = openSqliteLog({ directory, serve: false });
  t.after(() => beside.close());
  assert.deepEqual(numbersOf(await all(beside, 'organizations')), [1]);
  writer.exec('ROLLBACK');
});

test('where the disk is full nothing is changed, reading goes on, and the same calls succeed later', {
  skip: process.platform === 'win32' && 'needs ulimit',
}, async (t) => {
  const directory = temporaryDirectory(t);
  await openSqliteLog({ directory, serve: true }).close();
  const command = `ulimit -f 1024; exec "${process.execPath}" "${SHORT_OF_DISK}" "${directory}"`;
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.after(() => child.kill('SIGKILL'));
  const [{ failed, codes, state }] = await once(child, 'message');
  assert.ok(failed > 3);
  assert.deepEqual(codes, ['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE']);
  const after = (count: number) => ({
    organizations: upTo(count),
    outbound: upTo(count),
    ends: [count, count],
    position: count,
  });
  assert.deepEqual(state, after(failed));
  // Makes room: what is in the write-ahead log goes where it belongs.
  const db = new DatabaseSync(join(directory, 'log.db'));
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  const exit = once(child, 'exit');
  child.send('go on');
  const [then] = await once(child, 'message');
  assert.deepEqual(then, { again: ['fulfilled', 'fulfilled'], state: after(failed + 1) });
  assert.deepEqual(await exit, [0, null]);
});
