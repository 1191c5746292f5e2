// What is special to the log on SQLite: its file, its bounds, and what it makes of a file that is not as it should be.

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type Log, LogRefused, LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { isServed } from '../../src/log/sqlite-lock.ts';
import { all, changed, joinByHand, numbersOf, started, take } from '../contract/log-kit.ts';
import { temporaryDirectory } from '../support/directory.ts';

const PAGE_BYTES = 4_096;

function store(t: TestContext) {
  const handles: Log[] = [];
  t.after(() => Promise.all(handles.map((handle) => handle.close())));
  const directory = join(temporaryDirectory(t), 'data');
  const open = (options: { partitions?: number; serve?: boolean } = {}) => {
    const log = openSqliteLog({ directory, serve: true, ...options });
    handles.push(log);
    return log;
  };
  return { directory, file: join(directory, 'log.db'), open };
}

/** A log with some events in it that is closed, so that all of it is in its file. */
async function written(t: TestContext) {
  const files = store(t);
  const log = files.open();
  await log.append(Array.from({ length: 200 }, (_, n) => ({ ...changed('a', n), name: 'n'.repeat(500) })));
  await log.close();
  return files;
}

function overwrite(file: string, text: string, at: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, text, at);
  closeSync(descriptor);
}

/** Changes the file of a log by SQL. */
function alter(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

// ── the file ────────────────────────────────────────────────────────────────────────────────────────────────

test('the data directory is made, for its owner alone', {
  skip: process.platform === 'win32' && 'has no such modes',
}, (t) => {
  const { directory, open } = store(t);
  open();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test('a directory that cannot be made or written is refused by its path, with the reason', async (t) => {
  const { file, open } = store(t);
  open();
  const below = join(file, 'data');
  assert.throws(
    () => openSqliteLog({ directory: below, serve: true }),
    (error) =>
      error instanceof LogRefused && error.message.includes(below) && /ENOTDIR|EEXIST/.test(error.message),
  );
});

const strangers: [what: string, make: (file: string) => void, message: RegExp][] = [
  ['is no database', (file) => writeFileSync(file, 'my diary '.repeat(100)), /is not a SQLite database/],
  ['is short and no database', (file) => writeFileSync(file, 'x'), /is not a SQLite database/],
  ["is another program's", (file) => alter(file, 'PRAGMA application_id = 1'), /belongs to another program/],
  [
    'is of a newer release',
    (file) => alter(file, 'PRAGMA user_version = 2'),
    /a newer release of Hooklane \(format 2/,
  ],
  ['is cut short', (file) => truncateSync(file, 10 * PAGE_BYTES), /malformed/],
  ['has lost its tables', (file) => alter(file, 'DROP TABLE outbound'), /no such table: outbound/],
  [
    'has lost the number of its partitions',
    (file) => alter(file, 'DELETE FROM meta'),
    /damaged: it does not say how many partitions/,
  ],
  [
    'says that it has more partitions than can be',
    (file) => alter(file, 'UPDATE meta SET value = 9223372036854775807'),
    /damaged: it does not say how many partitions/,
  ],
  ['is damaged', (file) => overwrite(file, 'x'.repeat(8 * PAGE_BYTES), PAGE_BYTES), /malformed/],
];
for (const [what, make, message] of strangers) {
  test(`a file that ${what} is refused by its path, and stays as it is`, async (t) => {
    const { directory, file, open } = await written(t);
    make(file);
    const before = readFileSync(file);
    const names = readdirSync(directory);
    for (const serve of [true, false]) {
      assert.throws(
        () => open({ serve }),
        (error) => {
          assert.ok(error instanceof LogRefused, String(error));
          assert.ok(error.message.includes(file), error.message);
          assert.match(error.message, message);
          return true;
        },
      );
    }
    assert.ok(before.equals(readFileSync(file)));
    assert.deepEqual(readdirSync(directory), names);
    assert.equal(isServed(directory), false);
  });
}

test('a lock file that is none is refused by its path', async (t) => {
  const { directory, open } = await written(t);
  const path = join(directory, 'serving.lock');
  writeFileSync(path, 'x'.repeat(1_000));
  const expected = (error: unknown) => error instanceof LogRefused && error.message.includes(path);
  assert.throws(() => open({ serve: true }), expected);
  assert.throws(() => isServed(directory), expected);
  assert.equal((await all(open({ serve: false }), 'organizations')).length, 200);
});

test('an empty file becomes a log', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'log.db'), '');
  const log = openSqliteLog({ directory, serve: true });
  await log.append([changed('a', 1)]);
  await log.close();
});

test('to open a log changes nothing in its file', async (t) => {
  const { file, open } = await written(t);
  const before = readFileSync(file);
  await open().close();
  await open({ serve: false, partitions: 1 }).close();
  assert.ok(before.equals(readFileSync(file)));
});

test('a log keeps the partitions that it was made with', async (t) => {
  const { open } = store(t);
  await open({ partitions: 4 }).close();
  const log = open();
  assert.equal(log.partitions, 4);
  await log.close();
  assert.throws(() => open({ partitions: 5 }), {
    code: 'LOG_REFUSED',
    message: /has 4 partitions, which cannot be changed to 5/,
  });
  assert.equal(open({ partitions: 4 }).partitions, 4);
});

test('a log is made with one partition where none are asked for', (t) => {
  assert.equal(store(t).open().partitions, 1);
});

test('size() counts what is not yet written back, too', async (t) => {
  const { file, open } = store(t);
  const log = open();
  await log.append([changed('a', 1)]);
  assert.ok(statSync(`${file}-wal`).size > 0);
  assert.equal(await log.size(), statSync(file).size + statSync(`${file}-wal`).size);
});

test('close() leaves one whole file', async (t) => {
  const { file } = await written(t);
  assert.equal(existsSync(`${file}-wal`), false);
  const db = new DatabaseSync(file, { readOnly: true });
  t.after(() => db.close());
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
});

// ── together and within bounds ─────────────────────────────────────────────────────────────────────

test('appends and commits that wait at the same moment share one transaction', async (t) => {
  const { file, open } = store(t);
  const log = open();
  const partition = await joinByHand(log, 'organizations').partition(0);
  const frames = () => Math.floor(statSync(`${file}-wal`).size / PAGE_BYTES);
  const before = frames();
  const appends = Array.from({ length: 100 }, (_, n) => log.append([changed('a', n)]));
  await Promise.all([...appends, partition.commit([], 1)]);
  // One frame at least a transaction: one for each page that it changed.
  assert.ok(frames() - before < 20, `${frames() - before} frames`);
});

test('a batch of large events is bounded by their bytes', async (t) => {
  const { open } = store(t);
  const log = open();
  const name = 'x'.repeat(256 * 1024);
  for (let n = 0; n < 40; n++) await log.append([{ ...changed('a', n), name }]);
  const partition = await joinByHand(log, 'organizations').partition(0);
  const first = await partition.next(1_000);
  assert.ok(first.length <= 16, `${first.length} events`);
  assert.equal(numbersOf(await take(partition, 40 - first.length)).at(-1), 39);
  const sizes: number[] = [];
  for await (const { events } of log.read('organizations')) sizes.push(events.length);
  assert.ok(Math.max(...sizes) <= 16, `${sizes}`);
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    40,
  );
});

test('who has read a part of the log keeps nobody from writing it back', async (t) => {
  const { file, open } = store(t);
  const log = open();
  await log.append(Array.from({ length: 100 }, (_, n) => changed('a', n)));
  const partition = await joinByHand(log, 'organizations').partition(0);
  await partition.next(3);
  for await (const _ of log.read('organizations', { batch: 3 })) break;
  const db = new DatabaseSync(file);
  t.after(() => db.close());
  const { busy, log: frames } = { ...db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() };
  assert.deepEqual({ busy, frames }, { busy: 0, frames: 0 });
});

// ── what goes wrong while it runs ───────────────────────────────────────────────────────────────────────────

test('a record that is no event is told by where it stands', async (t) => {
  const { file, open } = await written(t);
  alter(file, "UPDATE organizations SET data = x'c301' WHERE id = 17");
  const log = open();
  const expected = { code: 'LOG_REFUSED', message: /^organizations, partition 0, offset 17: not an event/ };
  await assert.rejects(all(log, 'organizations'), expected);
  await assert.rejects(all(log, 'organizations', { types: ['ProjectCreated'] }), expected);
  const partition = await joinByHand(log, 'organizations').partition(0);
  await take(partition, 17);
  await assert.rejects(partition.next(1_000), expected);
});

test('a file that is damaged while it is open makes the log unavailable, with the reason', async (t) => {
  const { file, open } = await written(t);
  const log = open();
  overwrite(file, 'x'.repeat(statSync(file).size - 12 * PAGE_BYTES), 12 * PAGE_BYTES);
  await assert.rejects(
    all(log, 'organizations'),
    (error) => error instanceof LogUnavailable && /malformed/.test(error.message),
  );
});

test('an error that is a mistake of ours is not taken for a log that is away, and leaves nothing half written', async (t) => {
  const { file, open } = store(t);
  const log = open();
  await log.append([changed('a', 1)]);
  // Stands for one: a constraint that nothing that is right breaks.
  alter(
    file,
    "CREATE TRIGGER bug BEFORE INSERT ON organizations BEGIN SELECT RAISE(ABORT, 'a mistake'); END",
  );
  await assert.rejects(
    log.append([started('a', 2), changed('a', 2)]),
    (error) => !(error instanceof LogUnavailable) && /a mistake/.test(String(error)),
  );
  await log.append([started('a', 3)]);
  assert.deepEqual(numbersOf(await all(log, 'outbound')), [3]);
});
