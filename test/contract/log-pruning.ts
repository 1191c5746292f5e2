// What an engine must do that can take events out of its topics.

import assert from 'node:assert/strict';
import type { Log, Pruning } from '../../src/log/log.ts';
import { all, changed, type Kit, numbersOf } from './log-kit.ts';

function pruningOf(log: Log): Pruning {
  assert.ok(log.pruning, 'the engine can');
  return log.pruning;
}

export function pruningContract({ it, engine, logFor }: Kit): void {
  const skip = engine.prunes ? false : 'it forgets by time alone';

  it(
    'what is taken out leaves a hole, or another event in its place, for all who read',
    async (t) => {
      const open = logFor(t, 1);
      const [log, other] = [await open({ serve: true }), await open({ serve: false })];
      await log.append([0, 1, 2, 3, 4].map((n) => changed('a', n)));
      const put = [{ offset: 3, event: changed('a', 33) }];
      const freed = await pruningOf(log).rewrite({
        topic: 'organizations',
        partition: 0,
        remove: [0, 1, 9],
        put,
      });
      assert.ok(freed > 0);
      for (const handle of [log, other]) {
        const stored = await all(handle, 'organizations');
        assert.deepEqual(numbersOf(stored), [2, 33, 4]);
        assert.deepEqual(
          stored.map(({ offset }) => offset),
          [2, 3, 4],
        );
        assert.deepEqual(await handle.ends('organizations'), [5]);
      }
      const [next] = await log.append([changed('a', 5)]);
      assert.equal(next?.offset, 5);
      const read: number[] = [];
      const membership = log.join('dispatcher', 'organizations', async (partition) => {
        while (read.length < 4 && !partition.lost.aborted) read.push(...numbersOf(await partition.next(1)));
      });
      await membership.ended;
      assert.deepEqual(read, [2, 33, 4, 5]);
    },
    skip,
  );

  it(
    'the newest event of a partition cannot be taken out, nor put where nothing stands; then nothing changes',
    async (t) => {
      const log = await logFor(t, 1)({ serve: false });
      await log.append([0, 1].map((n) => changed('a', n)));
      const at = { topic: 'organizations', partition: 0 } as const;
      await assert.rejects(pruningOf(log).rewrite({ ...at, remove: [0, 1], put: [] }), RangeError);
      const put = [{ offset: 7, event: changed('a', 7) }];
      await assert.rejects(pruningOf(log).rewrite({ ...at, remove: [0], put }), RangeError);
      assert.deepEqual(numbersOf(await all(log, 'organizations')), [0, 1]);
    },
    skip,
  );

  it(
    'the time before which events were taken out is kept, and never goes back',
    async (t) => {
      const open = logFor(t, 1);
      const log = await open({ serve: false });
      assert.equal(await pruningOf(log).prunedBeforeMs(), 0);
      await pruningOf(log).begin(1_700_000_000_123);
      await pruningOf(log).begin(5);
      assert.equal(await pruningOf(await open({ serve: false })).prunedBeforeMs(), 1_700_000_000_123);
    },
    skip,
  );
}
