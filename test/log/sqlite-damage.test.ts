// The log on SQLite whose file is damaged, page by page: whoever calls is told, and the process lives on.

import assert from 'node:assert/strict';
import { closeSync, copyFileSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type Log, LogRefused, LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { all, changed, dropped, joinByHand, lane, pending, started } from '../contract/log-kit.ts';
import { temporaryDirectory } from '../support/directory.ts';

const PAGE_BYTES = 4_096;
const NAME = 'n'.repeat(500);

/** A log with something in every table, closed, and how many pages its file has. */
async function written(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: true });
  for (let n = 0; n < 50; n++) {
    await log.append([{ ...changed('a', n), name: NAME }, started('a', n), lane(`${n}`, n)]);
  }
  const partition = await joinByHand(log, 'organizations').partition(0);
  await partition.commit([pending('a', '1', 1)], 3);
  await log.close();
  const file = join(directory, 'log.db');
  return { file, pages: statSync(file).size / PAGE_BYTES };
}

/** A copy of the log, in a directory of its own. */
function copyOf(t: TestContext, file: string) {
  const directory = temporaryDirectory(t);
  const copy = join(directory, 'log.db');
  copyFileSync(file, copy);
  return { directory, copy };
}

/** Fills one page with nonsense; of the first one it leaves what the file is recognised by. */
function damage(file: string, page: number): void {
  const keep = page === 0 ? 100 : 0;
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, 'x'.repeat(PAGE_BYTES - keep), page * PAGE_BYTES + keep);
  closeSync(descriptor);
}

/** Whether all that can be asked of a log was answered, or else refused in the words of the port. */
async function isTold(log: Log): Promise<boolean> {
  const results = await Promise.allSettled([
    all(log, 'organizations'),
    all(log, 'outbound'),
    all(log, 'lanes'),
    log.ends('lanes'),
    log.positions('dispatcher', 'organizations'),
    log.append([{ ...changed('a', 50), name: NAME }]),
    log.append([started('a', 50)]),
    log.append([lane('7', 50), dropped('a', '1')]),
    workOff(log),
  ]);
  return results.some((result) => {
    if (result.status === 'fulfilled') return false;
    const { reason } = result;
    assert.ok(reason instanceof LogUnavailable || reason instanceof LogRefused, String(reason));
    return true;
  });
}

/** A member of a group that reads on and commits, once. */
async function workOff(log: Log): Promise<void> {
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    // It may be that nothing can be found to wait for.
    partition.wake();
    const [first] = await partition.next(5);
    await partition.commit([started('a', 51)], (first?.offset ?? 0) + 1);
  });
  await membership.ended;
}

test('whichever page is damaged while the log is open, each call works or says that the log cannot be used', async (t) => {
  const { file, pages } = await written(t);
  let told = 0;
  for (let page = 0; page < pages; page++) {
    const { directory, copy } = copyOf(t, file);
    const log = openSqliteLog({ directory, serve: true });
    damage(copy, page);
    if (await isTold(log)) told++;
    await log.close();
  }
  assert.ok(told > pages / 2, `${told} of ${pages}`);
});

test('whichever page was damaged before, the log is refused, or each call works or says that it cannot be used', async (t) => {
  const { file, pages } = await written(t);
  let told = 0;
  for (let page = 0; page < pages; page++) {
    const { directory, copy } = copyOf(t, file);
    damage(copy, page);
    let log: Log;
    try {
      log = openSqliteLog({ directory, serve: true });
    } catch (error) {
      assert.ok(error instanceof LogRefused, String(error));
      told++;
      continue;
    }
    if (await isTold(log)) told++;
    await log.close();
  }
  assert.ok(told > pages / 2, `${told} of ${pages}`);
});

test('a log whose end is not where its last event is refuses to be written, and changes nothing', async (t) => {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: true });
  t.after(() => log.close());
  await log.append([changed('a', 1)]);
  // Stands for damage that SQLite does not notice: something is already there.
  const db = new DatabaseSync(join(directory, 'log.db'));
  db.exec(
    'CREATE TRIGGER t BEFORE INSERT ON outbound BEGIN INSERT INTO outbound VALUES (new.id, new.data); END',
  );
  db.close();
  await assert.rejects(log.append([changed('a', 2), started('a', 2)]), {
    code: 'LOG_REFUSED',
    message: /^log\.db is damaged: .*outbound\.id/,
  });
  assert.equal((await all(log, 'organizations')).length, 1);
  assert.deepEqual(await all(log, 'outbound'), []);
});
