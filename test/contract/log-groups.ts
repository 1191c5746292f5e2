// What every engine of the log port must do about groups: who owns a partition reads it in order, commits what comes
// of it together with its position, and changes nothing any more once it has a newer owner.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Fenced } from '../../src/log/log.ts';
import { waitFor } from '../support/wait.ts';
import {
  all,
  changed,
  dropped,
  eventsOf,
  joinByHand,
  type Kit,
  lane,
  numbersOf,
  organizationsByPartition,
  pending,
  started,
  take,
  UNWRITABLE,
} from './log-kit.ts';

export function groupsContract(kit: Kit): void {
  nextContract(kit);
  commitContract(kit);
  fenceContract(kit);
  membershipContract(kit);
}

function nextContract({ it, logFor, servedLog }: Kit): void {
  it('the only member of a group owns every partition, and is given the events of each in order', async (t) => {
    const log = await servedLog(t);
    const organizations = await organizationsByPartition(log);
    await log.append([0, 1, 2].flatMap((n) => organizations.map((name) => changed(name, n))));
    const member = joinByHand(log, 'organizations');
    for (const [index, name] of organizations.entries()) {
      const partition = await member.partition(index);
      assert.deepEqual([partition.topic, partition.index], ['organizations', index]);
      const stored = await take(partition, 3);
      assert.deepEqual(eventsOf(stored), [changed(name, 0), changed(name, 1), changed(name, 2)]);
      assert.ok(stored.every(({ topic, partition }) => topic === 'organizations' && partition === index));
    }
  });

  it('next() gives no more than was asked for, and goes on where it ended', async (t) => {
    const log = await servedLog(t, 1);
    await log.append(Array.from({ length: 10 }, (_, n) => changed('a', n)));
    const partition = await joinByHand(log, 'organizations').partition(0);
    const read: number[] = [];
    while (read.length < 10) {
      const events = await partition.next(3);
      assert.ok(events.length >= 1 && events.length <= 3);
      read.push(...numbersOf(events));
    }
    assert.deepEqual(read, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('next() waits for an event, from this handle or another', async (t) => {
    const open = logFor(t, 1);
    const log = await open({ serve: true });
    const other = await open({ serve: false });
    const partition = await joinByHand(log, 'organizations').partition(0);
    for (const [n, handle] of [log, other, log, other].entries()) {
      const pendingNext = partition.next(10);
      await handle.append([changed('a', n)]);
      assert.deepEqual(numbersOf(await pendingNext), [n]);
    }
  });

  it('whoever is behind is given all in order, whether this handle or another has written it', async (t) => {
    const open = logFor(t, 1);
    const [log, other] = [await open({ serve: true }), await open({ serve: false })];
    const partition = await joinByHand(log, 'organizations').partition(0);
    // More than anybody keeps in memory, in runs of some.
    const numbers = Array.from({ length: 3_000 }, (_, n) => n);
    for (let at = 0; at < numbers.length; at += 300) {
      const events = numbers.slice(at, at + 300).map((n) => changed('a', n));
      await (at % 900 === 0 ? other : log).append(events.slice(0, 7));
      await log.append(events.slice(7));
    }
    const read: number[] = [];
    while (read.length < numbers.length) read.push(...numbersOf(await partition.next(100)));
    assert.deepEqual(read, numbers);
  });

  it('wake() lets the pending next() return with nothing', async (t) => {
    const log = await servedLog(t, 1);
    const partition = await joinByHand(log, 'organizations').partition(0);
    const pendingNext = partition.next(10);
    partition.wake();
    assert.deepEqual(await pendingNext, []);
  });

  it('wake() before next() lets the coming one return at once, and only that one', async (t) => {
    const log = await servedLog(t, 1);
    const partition = await joinByHand(log, 'organizations').partition(0);
    partition.wake();
    partition.wake();
    assert.deepEqual(await partition.next(10), []);
    const waiting = partition.next(10);
    await log.append([changed('a', 1)]);
    assert.deepEqual(numbersOf(await waiting), [1]);
  });

  it('wake() takes no event away, and one that met events is used up by them', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([changed('a', 1)]);
    const partition = await joinByHand(log, 'organizations').partition(0);
    partition.wake();
    assert.deepEqual(numbersOf(await take(partition, 1)), [1]);
    const waiting = partition.next(10);
    await log.append([changed('a', 2)]);
    assert.deepEqual(numbersOf(await waiting), [2]);
  });

  it('next() of no events reads none, and waits to be woken', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([changed('a', 1)]);
    const partition = await joinByHand(log, 'organizations').partition(0);
    const waiting = partition.next(0);
    // A log that wakes for what comes has done so by now.
    await log.append([changed('a', 2)]);
    const first = await Promise.race([waiting.then(() => 'returned'), log.ends('organizations')]);
    assert.notEqual(first, 'returned');
    partition.wake();
    assert.deepEqual(await waiting, []);
    assert.deepEqual(numbersOf(await take(partition, 2)), [1, 2]);
  });

  it('next() of a partition that is lost returns nothing', async (t) => {
    const log = await servedLog(t, 1);
    const { membership, partition } = joinByHand(log, 'organizations');
    const owned = await partition(0);
    const pendingNext = owned.next(10);
    await membership.close();
    await log.append([changed('a', 1)]);
    assert.deepEqual(await pendingNext, []);
    assert.deepEqual(await owned.next(10), []);
  });
}

function commitContract({ it, engine, logFor, servedLog }: Kit): void {
  it('commit() appends what it is given and moves the position on', async (t) => {
    const log = await servedLog(t);
    const [, one = ''] = await organizationsByPartition(log);
    const before = await log.positions('dispatcher', 'organizations');
    await log.append([0, 1, 2].map((n) => changed(one, n)));
    const partition = await joinByHand(log, 'organizations').partition(1);
    const stored = await take(partition, 3);
    const upTo = (stored[1]?.offset ?? 0) + 1;
    const from = Object.fromEntries((await log.ends('outbound')).entries());
    await partition.commit([started(one, 10), lane(one, 1), pending(one, '1', 2), started(one, 11)], upTo);
    assert.deepEqual(numbersOf(await all(log, 'outbound', { from })), [10, 11]);
    assert.deepEqual(eventsOf(await all(log, 'lanes')), [lane(one, 1), pending(one, '1', 2)]);
    assert.deepEqual(await log.positions('dispatcher', 'organizations'), before.with(1, upTo));
    await partition.commit([dropped(one, '1'), lane(one, 2)], upTo + 1);
    assert.deepEqual(eventsOf(await all(log, 'lanes')), [lane(one, 2)]);
  });

  it('commit() without events moves the position, and next() goes on where it was', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([0, 1].map((n) => changed('a', n)));
    const partition = await joinByHand(log, 'organizations').partition(0);
    const [first] = await take(partition, 1);
    await partition.commit([], (first?.offset ?? 0) + 1);
    assert.deepEqual(numbersOf(await take(partition, 1)), [1]);
    assert.deepEqual(await log.positions('dispatcher', 'organizations'), [(first?.offset ?? 0) + 1]);
  });

  it('a commit that is rejected has changed nothing, and the partition works on', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([changed('a', 1)]);
    const partition = await joinByHand(log, 'organizations').partition(0);
    const [stored] = await take(partition, 1);
    const upTo = (stored?.offset ?? 0) + 1;
    await assert.rejects(partition.commit([started('a', 1), lane('a', 1), UNWRITABLE], upTo));
    assert.deepEqual(await all(log, 'outbound'), []);
    assert.deepEqual(await all(log, 'lanes'), []);
    assert.deepEqual(await log.positions('dispatcher', 'organizations'), [0]);
    await partition.commit([started('a', 1)], upTo);
    assert.deepEqual(numbersOf(await all(log, 'outbound')), [1]);
  });

  it('a new member of the group goes on at its position', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([0, 1, 2].map((n) => changed('a', n)));
    const first = joinByHand(log, 'organizations');
    const partition = await first.partition(0);
    const stored = await take(partition, 3);
    await partition.commit([], stored[1]?.offset ?? 0);
    await first.membership.close();
    const next = await joinByHand(log, 'organizations').partition(0);
    assert.deepEqual(numbersOf(await take(next, 2)), [1, 2]);
  });

  it(
    'the position is kept when the log is closed and opened again',
    async (t) => {
      const open = logFor(t, 1);
      const before = await open({ serve: true });
      await before.append([0, 1].map((n) => changed('a', n)));
      const partition = await joinByHand(before, 'organizations').partition(0);
      const [, second] = await take(partition, 2);
      await partition.commit([], second?.offset ?? 0);
      await before.close();
      const after = await open({ serve: true });
      assert.deepEqual(await after.positions('dispatcher', 'organizations'), [second?.offset]);
      const again = await joinByHand(after, 'organizations').partition(0);
      assert.deepEqual(numbersOf(await take(again, 1)), [1]);
    },
    !engine.persistent && 'the engine keeps nothing',
  );

  it('groups, and topics of a group, have positions of their own', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([changed('a', 1), started('a', 2)]);
    const one = await joinByHand(log, 'organizations', 'dispatcher').partition(0);
    const other = await joinByHand(log, 'organizations', 'recorder').partition(0);
    const third = await joinByHand(log, 'outbound', 'dispatcher').partition(0);
    const stored = [await take(one, 1), await take(other, 1), await take(third, 1)];
    assert.deepEqual(stored.map(numbersOf), [[1], [1], [2]]);
    await one.commit([], 1);
    // On Kafka behind the marks of those that became owners as well.
    assert.deepEqual(await log.positions('dispatcher', 'organizations'), await log.ends('organizations'));
    assert.deepEqual(await log.positions('recorder', 'organizations'), [0]);
    assert.deepEqual(await log.positions('dispatcher', 'outbound'), [0]);
    await Promise.all([other.commit([], 1), third.commit([], 1)]);
    assert.ok([one, other, third].every(({ lost }) => !lost.aborted));
  });
}

function fenceContract({ it, engine, servedLog }: Kit): void {
  it('the older owner is told that it lost, and its commits are fenced and change nothing', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([0, 1].map((n) => changed('a', n)));
    const older = await joinByHand(log, 'organizations').partition(0);
    await take(older, 2);
    const newer = await joinByHand(log, 'organizations').partition(0);
    if (!older.lost.aborted) await once(older.lost, 'abort');
    await assert.rejects(older.commit([started('a', 1), lane('a', 1)], 2), Fenced);
    assert.deepEqual(await all(log, 'outbound'), []);
    assert.deepEqual(await all(log, 'lanes'), []);
    assert.deepEqual(await log.positions('dispatcher', 'organizations'), [0]);
    assert.deepEqual(numbersOf(await take(newer, 2)), [0, 1]);
    await newer.commit([started('a', 2)], 2);
    assert.deepEqual(numbersOf(await all(log, 'outbound')), [2]);
  });

  it('a commit on its way when a newer owner comes is done before it reads the position, or fenced', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([0, 1].map((n) => changed('a', n)));
    let owner = await joinByHand(log, 'organizations').partition(0);
    let committed = 0;
    for (let round = 0; round < 20; round++) {
      const commit = owner.commit([started('a', round)], round + 1).then(
        () => 1,
        (error) => {
          assert.ok(error instanceof Fenced);
          return 0;
        },
      );
      owner = await joinByHand(log, 'organizations').partition(0);
      committed += await commit;
      assert.equal((await all(log, 'outbound')).length, committed);
    }
  });

  it(
    'a fenced commit does not harm what is written beside it',
    async (t) => {
      const log = await servedLog(t, 1);
      const older = await joinByHand(log, 'organizations').partition(0);
      const fenced = assert.rejects(older.commit([started('a', 0)], 1), Fenced);
      const newerJoined = joinByHand(log, 'organizations');
      const appended = log.append([started('a', 1)]);
      const newer = await newerJoined.partition(0);
      await Promise.all([fenced, appended, newer.commit([started('a', 2)], 3)]);
      assert.deepEqual(numbersOf(await all(log, 'outbound')), [1, 2]);
      assert.deepEqual(await log.positions('dispatcher', 'organizations'), [3]);
    },
    !engine.ownsAtOnce && 'the older owner is not fenced before the newer one has been told that it owns',
  );
}

function membershipContract({ it, servedLog }: Kit): void {
  it('close() of a membership lets its partitions go and waits for the work on them', async (t) => {
    const log = await servedLog(t);
    let owned = 0;
    const ended: number[] = [];
    const membership = log.join('recorder', 'inbound', async ({ index, lost, next }) => {
      owned++;
      while (!lost.aborted) await next(1);
      ended.push(index);
    });
    await waitFor('its partitions', () => owned === 3);
    await membership.close();
    assert.deepEqual(ended.sort(), [0, 1, 2]);
    await membership.ended;
    await membership.close();
  });

  it('work that fails ends the whole membership with its error', async (t) => {
    const log = await servedLog(t);
    const ended: number[] = [];
    const membership = log.join('recorder', 'inbound', async ({ index, lost, next }) => {
      if (index === 1) throw new TypeError('a bug');
      while (!lost.aborted) await next(1);
      ended.push(index);
    });
    await assert.rejects(membership.ended, /a bug/);
    await waitFor('the other partitions', () => ended.length === 2);
    await membership.close();
  });

  it('work that Fenced leaves ends without an error', async (t) => {
    const log = await servedLog(t, 1);
    let owned = false;
    const older = log.join('recorder', 'organizations', async (partition) => {
      owned = true;
      while (!partition.lost.aborted) await partition.next(1);
      await partition.commit([], 1);
    });
    await waitFor('the older owner', () => owned);
    const newer = joinByHand(log, 'organizations', 'recorder');
    await newer.partition(0);
    await older.close();
    await older.ended;
  });
}
