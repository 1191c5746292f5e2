// What every engine of the log port must do: append, keep and compact. The suites of reading, of groups and of the
// end are beside this one. An engine's test file calls logContract() with a way to make a log, which can be opened
// more than once, as by several processes.

import assert from 'node:assert/strict';
import { compactionKeyOf, type HooklaneEvent, TOPIC_OF, TOPICS } from '../../src/events.ts';
import { EXAMPLES } from '../log/examples.ts';
import { closeContract } from './log-close.ts';
import { groupsContract } from './log-groups.ts';
import {
  all,
  changed,
  createKit,
  dropped,
  eventsOf,
  type Kit,
  type LogEngine,
  lane,
  numbersOf,
  organizationsByPartition,
  pending,
  retried,
  started,
  UNWRITABLE,
} from './log-kit.ts';
import { pruningContract } from './log-pruning.ts';
import { readContract } from './log-read.ts';
import { stallContract } from './log-stall.ts';

export function logContract(name: string, engine: LogEngine): void {
  const kit = createKit(name, engine);
  appendContract(kit);
  compactionContract(kit);
  readContract(kit);
  groupsContract(kit);
  pruningContract(kit);
  stallContract(kit);
  closeContract(kit);
}

function appendContract({ it, engine, logFor, servedLog }: Kit): void {
  it('events of every type come back equal, from where append() says that they stand', async (t) => {
    const log = await servedLog(t);
    const events: HooklaneEvent[] = Object.values(EXAMPLES);
    const positions = await log.append(events);
    const expected = events.map((event, i) => ({ ...positions[i], event }));
    for (const topic of TOPICS) {
      const stored = await all(log, topic);
      const wanted = expected.filter(({ event }) => TOPIC_OF[event.type] === topic);
      assert.deepEqual(new Set(stored), new Set(wanted), topic);
    }
  });

  it('to append nothing is to do nothing', async (t) => {
    const log = await servedLog(t);
    assert.deepEqual(await log.append([]), []);
    assert.deepEqual(await log.ends('organizations'), [0, 0, 0]);
  });

  it('what shares a key is in one partition, in the order in which it was appended', async (t) => {
    const log = await servedLog(t);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (let round = 0; round < 20; round++) await log.append(names.map((name) => changed(name, round)));
    const stored = await all(log, 'organizations');
    for (const name of names) {
      const own = stored.filter(({ event }) => event.organizationId === `org_${name}`);
      assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      assert.deepEqual(
        numbersOf(own),
        Array.from({ length: 20 }, (_, round) => round),
      );
    }
    assert.equal(new Set(stored.map(({ partition }) => partition)).size, 3, 'all partitions are used');
  });

  it('organizations, outbound and lanes keep a key in the same partition', async (t) => {
    const log = await servedLog(t);
    for (let i = 0; i < 50; i++) {
      const positions = await log.append([changed(`${i}`, 0), started(`${i}`, 0), lane(`${i}`, 0)]);
      const [first, ...others] = positions.map(({ partition }) => partition);
      assert.deepEqual(others, [first, first]);
    }
  });

  it('1,000 appends at once all stand there once, those of one caller in order', async (t) => {
    const log = await servedLog(t);
    const callers = Array.from({ length: 50 }, (_, i) => `${i}`);
    const callOf = async (name: string) => {
      const calls = [];
      for (let number = 0; number < 20; number++) calls.push(log.append([changed(name, number)]));
      return Promise.all(calls);
    };
    const positions = (await Promise.all(callers.map(callOf))).flat(2);
    const stored = await all(log, 'organizations');
    assert.equal(stored.length, 1_000);
    assert.equal(new Set(positions.map(({ partition, offset }) => `${partition} ${offset}`)).size, 1_000);
    for (const name of callers) {
      const own = stored.filter(({ event }) => event.organizationId === `org_${name}`);
      assert.deepEqual(
        numbersOf(own),
        Array.from({ length: 20 }, (_, number) => number),
      );
    }
  });

  it('an event that cannot be written is rejected alone, not with what is appended beside it', async (t) => {
    const log = await servedLog(t);
    const results = await Promise.allSettled([
      log.append([changed('a', 1)]),
      log.append([UNWRITABLE]),
      log.append([changed('a', 2)]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(numbersOf(await all(log, 'organizations')), [1, 2]);
  });

  it('it is larger on disk by what is appended', async (t) => {
    const log = await servedLog(t);
    const before = await log.size();
    await log.append(Array.from({ length: 200 }, (_, number) => changed('x'.repeat(1_000), number)));
    assert.ok((await log.size()) - before >= 200 * 1_000);
  });

  it('where it can tell the sizes of topics, they make up its size', async (t) => {
    const log = await servedLog(t);
    await log.append(Array.from({ length: 200 }, (_, number) => changed('x'.repeat(1_000), number)));
    const sizes = await log.sizes();
    assert.equal(sizes !== undefined, engine.knowsSizes);
    if (sizes === undefined) return;
    assert.deepEqual(Object.keys(sizes).sort(), [...TOPICS].sort());
    assert.ok(sizes.organizations >= 200 * 1_000 && sizes.inbound < 1_000, JSON.stringify(sizes));
    const sum = Object.values(sizes).reduce((bytes, more) => bytes + more, 0);
    assert.equal(sum, await log.size());
  });

  it(
    'what was appended, and its ends, are there after closing and opening again',
    async (t) => {
      const open = logFor(t);
      const before = await open({ serve: true });
      await before.append([changed('a', 1), changed('b', 2), lane('a', 3), pending('a', '1', 4)]);
      const ends = await Promise.all(TOPICS.map((topic) => before.ends(topic)));
      await before.close();
      const after = await open({ serve: true });
      assert.deepEqual(numbersOf(await all(after, 'organizations')).sort(), [1, 2]);
      assert.deepEqual(eventsOf(await all(after, 'lanes')), [lane('a', 3), pending('a', '1', 4)]);
      assert.deepEqual(await Promise.all(TOPICS.map((topic) => after.ends(topic))), ends);
      await after.append([changed('a', 5)]);
      const ofA = (await all(after, 'organizations')).filter(({ event }) => event.organizationId === 'org_a');
      assert.deepEqual(numbersOf(ofA), [1, 5]);
    },
    !engine.persistent && 'the engine keeps nothing',
  );

  it('handles on one log append beside each other, and each reads all of it', async (t) => {
    const open = logFor(t, 1);
    const [one, other] = [await open({ serve: true }), await open({ serve: false })];
    const positions = [];
    for (let number = 0; number < 40; number += 2) {
      positions.push(...(await one.append([changed('a', number)])));
      positions.push(...(await other.append([changed('a', number + 1)])));
    }
    const expected = positions.map((position, number) => ({ ...position, event: changed('a', number) }));
    assert.deepEqual(await all(one, 'organizations'), expected);
    assert.deepEqual(await all(other, 'organizations'), expected);
  });
}

function compactionContract({ it, engine, logFor, servedLog }: Kit): void {
  it('the compacted topic keeps the newest record of each lane and of each pending webhook', async (t) => {
    const log = await servedLog(t);
    await log.append([lane('a', 1), lane('b', 1), pending('a', '1', 1), pending('a', '2', 1)]);
    await log.append([lane('a', 2), pending('a', '1', 2), pending('b', '1', 1), lane('a', 3)]);
    const expected = [lane('a', 3), lane('b', 1), pending('a', '1', 2), pending('a', '2', 1)];
    assert.deepEqual(
      new Set(eventsOf(await all(log, 'lanes'))),
      new Set([...expected, pending('b', '1', 1)]),
    );
  });

  it('of the compacted topic what stands under a key can be asked for, or the engine says that it cannot', async (t) => {
    const log = await servedLog(t);
    if (!engine.looksUp) {
      assert.equal(log.latest, undefined);
      return;
    }
    const [, one = '', two = ''] = await organizationsByPartition(log);
    await log.append([lane(one, 1), pending(one, '1', 1), lane(two, 1), lane(one, 2)]);
    const keys = [...[lane(one, 0), pending(one, '1', 0), lane(two, 0)].map(compactionKeyOf), 'nobody'];
    assert.deepEqual(await log.latest?.(1, keys.slice(0, 1)), [lane(one, 2)]);
    assert.deepEqual(await log.latest?.(1, keys), [lane(one, 2), pending(one, '1', 1)], 'two is of another');
    await log.append([dropped(one, '1')]);
    assert.deepEqual(await log.latest?.(1, keys), [lane(one, 2)]);
    assert.deepEqual(await log.latest?.(1, []), []);
  });

  it('what is dropped is gone, and can come back', async (t) => {
    const log = await servedLog(t);
    await log.append([lane('a', 1), pending('a', '1', 1), pending('a', '2', 1), pending('b', '1', 1)]);
    await log.append([dropped('a', '1'), dropped('a', '3')]);
    const left = [lane('a', 1), pending('a', '2', 1), pending('b', '1', 1)];
    assert.deepEqual(new Set(eventsOf(await all(log, 'lanes'))), new Set(left));
    await log.append([dropped('b', '1'), pending('a', '1', 2)]);
    const again = [lane('a', 1), pending('a', '2', 1), pending('a', '1', 2)];
    assert.deepEqual(new Set(eventsOf(await all(log, 'lanes'))), new Set(again));
  });

  it('how a webhook has ended takes the place of what was pending, and the other way round', async (t) => {
    const log = await servedLog(t);
    await log.append([
      pending('a', '1', 1),
      retried('a', '2', 1),
      pending('a', '3', 1),
      retried('a', '4', 1),
    ]);
    await log.append([retried('a', '1', 2), pending('a', '2', 2), dropped('a', '4'), retried('a', '3', 2)]);
    const left = [retried('a', '1', 2), pending('a', '2', 2), retried('a', '3', 2)];
    assert.deepEqual(eventsOf(await all(log, 'lanes')), left);
  });

  it('a record that takes the place of another stands behind all that were read, and ends never go back', async (t) => {
    const open = logFor(t);
    const log = await open({ serve: true });
    const other = await open({ serve: false });
    let ends = [0, 0, 0];
    for (let n = 1; n <= 20; n++) {
      await (n % 2 === 0 ? log : other).append([lane(`${n % 5}`, n), pending('x', '1', n)]);
      const from = Object.fromEntries(ends.entries());
      assert.deepEqual(
        new Set(eventsOf(await all(log, 'lanes', { from }))),
        new Set([lane(`${n % 5}`, n), pending('x', '1', n)]),
      );
      await log.append([dropped('x', '1')]);
      const now = await log.ends('lanes');
      assert.ok(now.every((end, partition) => end >= (ends[partition] ?? 0)));
      assert.deepEqual(await other.ends('lanes'), now);
      ends = now;
    }
  });

  it('a compacted topic is read one partition at a time, too', async (t) => {
    const log = await servedLog(t);
    const organizations = await organizationsByPartition(log);
    await log.append(organizations.map((name, partition) => lane(name, partition)));
    for (const [partition, name] of organizations.entries()) {
      assert.deepEqual(eventsOf(await all(log, 'lanes', { partition })), [lane(name, partition)]);
    }
  });
}
