// What every engine of the log port must do when it is closed.

import assert from 'node:assert/strict';
import { Fenced, LogUnavailable } from '../../src/log/log.ts';
import { waitFor } from '../support/wait.ts';
import { all, changed, joinByHand, type Kit, numbersOf, started } from './log-kit.ts';

export function closeContract({ it, engine, logFor, servedLog }: Kit): void {
  it('close() lets all partitions go and waits for the work on them', async (t) => {
    const log = await servedLog(t);
    let owned = 0;
    const ended: string[] = [];
    for (const group of ['recorder', 'dispatcher'] as const) {
      log.join(group, 'organizations', async ({ lost, next }) => {
        owned++;
        while (!lost.aborted) await next(1);
        // What still has to be written when the work is over.
        await log.append([started('a', ended.push(group))]);
      });
    }
    await waitFor('the partitions of both groups', () => owned === 2 * 3);
    await log.close();
    assert.equal(ended.length, 2 * 3);
  });

  it(
    'what was being appended when the log was closed is there',
    async (t) => {
      const open = logFor(t, 1);
      const log = await open({ serve: true });
      const appends = [0, 1, 2].map((n) => log.append([changed('a', n)]));
      await log.close();
      await Promise.all(appends);
      assert.deepEqual(numbersOf(await all(await open({ serve: true }), 'organizations')), [0, 1, 2]);
    },
    !engine.persistent && 'the engine keeps nothing',
  );

  it('a log that is closed rejects everything with LogUnavailable, and closes once more in peace', async (t) => {
    const log = await servedLog(t);
    const partition = await joinByHand(log, 'organizations').partition(0);
    await Promise.all([log.close(), log.close()]);
    await log.close();
    const signal = new AbortController().signal;
    await assert.rejects(log.append([changed('a', 1)]), LogUnavailable);
    await assert.rejects(log.ends('organizations'), LogUnavailable);
    await assert.rejects(log.positions('recorder', 'inbound'), LogUnavailable);
    await assert.rejects(all(log, 'organizations'), LogUnavailable);
    await assert.rejects(
      log.follow('organizations', { signal })[Symbol.asyncIterator]().next(),
      LogUnavailable,
    );
    assert.throws(() => log.join('recorder', 'inbound', async () => {}), LogUnavailable);
    await assert.rejects(
      partition.commit([], 1),
      (error) => error instanceof Fenced || error instanceof LogUnavailable,
    );
    assert.deepEqual(await partition.next(1), []);
  });

  it('who waits for more of a log that is closed is let go without an error', async (t) => {
    const log = await servedLog(t);
    await log.append([changed('a', 1)]);
    let read = 0;
    const following = (async () => {
      const { signal } = new AbortController();
      for await (const { events } of log.follow('organizations', { signal })) read += events.length;
    })();
    await waitFor('the event', () => read === 1);
    await log.close();
    await following;
  });

  it('who is in the middle of following a log that is closed is let go without an error', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([1, 2, 3].map((n) => changed('a', n)));
    const { signal } = new AbortController();
    const batches = log.follow('organizations', { signal, batch: 1 })[Symbol.asyncIterator]();
    await batches.next();
    const second = batches.next();
    await log.close();
    await second;
    assert.deepEqual(await batches.next(), { done: true, value: undefined });
  });
}
