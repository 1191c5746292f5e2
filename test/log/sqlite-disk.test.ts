// The log on SQLite on a disk of its own that is full. Needs to mount a small file system, which only root may.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { all, changed, joinByHand, lane, numbersOf, started } from '../contract/log-kit.ts';

const NAME = 'n'.repeat(20_000);

/** A file system of 4 MB until the end of the test; undefined: this machine does not allow it. */
function smallDisk(t: TestContext): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-'));
  const mount = ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory];
  const isMounted = spawnSync('mount', mount).status === 0;
  t.after(() => {
    // Lazily: who still has a file of it open may use it until it is closed.
    if (isMounted) spawnSync('umount', ['--lazy', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return isMounted ? directory : undefined;
}

/** Leaves no byte free. */
function fill(path: string): void {
  for (let bytes = 65_536; bytes >= 512; bytes /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full for pieces of this size.
    }
  }
}

test('on a full disk appends and commits change nothing; when there is room again the same calls succeed', async (t) => {
  const directory = smallDisk(t);
  if (directory === undefined) {
    t.skip('no file system can be mounted here');
    return;
  }
  const log = openSqliteLog({ directory, serve: true });
  t.after(() => log.close());
  const partition = await joinByHand(log, 'organizations').partition(0);
  /** An append alone, then an append and a commit that share a transaction: how many were refused. */
  const write = async (n: number) => {
    const alone = await Promise.allSettled([log.append([{ ...changed('a', n), name: NAME }])]);
    const together = await Promise.allSettled([
      log.append([{ ...changed('b', n), name: NAME }]),
      partition.commit([started('a', n), lane('a', n)], n),
    ]);
    const refused = [...alone, ...together].filter((result) => result.status === 'rejected');
    for (const { reason } of refused) {
      assert.ok(reason instanceof LogUnavailable, String(reason));
      assert.match(reason.message, /full/);
    }
    return refused.length;
  };
  const state = async () => ({
    organizations: numbersOf(await all(log, 'organizations')),
    outbound: numbersOf(await all(log, 'outbound')),
    lanes: (await all(log, 'lanes')).map(({ event }) => event),
    ends: [await log.ends('organizations'), await log.ends('outbound'), await log.ends('lanes')],
    positions: await log.positions('dispatcher', 'organizations'),
  });

  assert.equal(await write(1), 0);
  const before = await state();
  const filler = join(directory, 'filler');
  fill(filler);
  // What is at the end of the write-ahead log may have been there before: so often that its last page is used up.
  for (let i = 0; i < 3; i++) assert.equal(await write(2), 3);
  assert.deepEqual(await state(), before);
  // Another process sees no more of it than this one.
  const beside = new DatabaseSync(join(directory, 'log.db'), { readOnly: true });
  assert.deepEqual({ ...beside.prepare('SELECT count(*) AS count FROM outbound').get() }, { count: 1 });
  beside.close();

  rmSync(filler);
  assert.equal(await write(2), 0);
  await log.close();
  const again = openSqliteLog({ directory, serve: true });
  t.after(() => again.close());
  assert.deepEqual(numbersOf(await all(again, 'organizations')), [1, 1, 2, 2]);
  assert.deepEqual(numbersOf(await all(again, 'outbound')), [1, 2]);
  assert.deepEqual(await again.positions('dispatcher', 'organizations'), [2]);
});
