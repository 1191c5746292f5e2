// What every engine of the log port must do for those who read without a group: replay to the end as it was, or
// follow what comes.

import assert from 'node:assert/strict';
import { TOPICS } from '../../src/events.ts';
import { EXAMPLES } from '../log/examples.ts';
import { waitFor } from '../support/wait.ts';
import { all, changed, type Kit, numbersOf, organizationsByPartition } from './log-kit.ts';

const APPENDED = TOPICS.filter((topic) => topic !== 'lanes');

export function readContract(kit: Kit): void {
  replayContract(kit);
  followContract(kit);
}

function replayContract({ it, servedLog }: Kit): void {
  it('a new log is empty, and has the partitions that it was made with', async (t) => {
    const log = await servedLog(t, 5);
    assert.equal(log.partitions, 5);
    for (const topic of TOPICS) {
      assert.deepEqual(await all(log, topic), []);
      assert.equal((await log.ends(topic)).length, 5);
    }
    assert.deepEqual(await log.positions('recorder', 'inbound'), [0, 0, 0, 0, 0]);
  });

  it('ends() tells behind which offset each partition goes on', async (t) => {
    const log = await servedLog(t);
    const positions = await log.append(Array.from({ length: 30 }, (_, i) => changed(`${i}`, i)));
    const ends = await log.ends('organizations');
    for (const [partition, end] of ends.entries()) {
      const offsets = positions.filter((p) => p.partition === partition).map(({ offset }) => offset);
      assert.ok(end > Math.max(...offsets), `${partition}`);
    }
    await log.append([changed('0', 31)]);
    assert.notDeepEqual(await log.ends('organizations'), ends);
    for (const topic of APPENDED.filter((topic) => topic !== 'organizations')) {
      assert.deepEqual(await log.ends(topic), [0, 0, 0]);
    }
  });

  it('read() goes partition by partition, in batches of the size asked for, each telling where it ended', async (t) => {
    const log = await servedLog(t);
    await log.append(Array.from({ length: 60 }, (_, i) => changed(`${i % 12}`, i)));
    const ends = await log.ends('organizations');
    const reached = new Map<number, number>();
    let total = 0;
    for await (const batch of log.read('organizations', { batch: 7 })) {
      const { partition, events, next, end } = batch;
      assert.ok(events.length <= 7);
      assert.equal(end, ends[partition]);
      for (const { offset } of events) {
        assert.ok(offset >= (reached.get(partition) ?? 0) && offset < next);
        reached.set(partition, offset + 1);
      }
      reached.set(partition, next);
      total += events.length;
    }
    assert.equal(total, 60);
    assert.deepEqual(
      [...reached.entries()].sort(([a], [b]) => a - b).map(([, next]) => next),
      ends,
    );
  });

  it('read() begins where it is told, and keeps to one partition where it is told', async (t) => {
    const log = await servedLog(t);
    const [zero = '', one = ''] = await organizationsByPartition(log);
    const positions = await log.append([0, 1, 2, 3].flatMap((n) => [changed(zero, n), changed(one, n)]));
    const from = { 0: positions[4]?.offset ?? 0, 1: positions[7]?.offset ?? 0 };
    const read = await all(log, 'organizations', { from });
    assert.deepEqual(numbersOf(read), [2, 3, 3]);
    assert.deepEqual(numbersOf(await all(log, 'organizations', { from, partition: 0 })), [2, 3]);
    assert.deepEqual(numbersOf(await all(log, 'organizations', { partition: 1 })), [0, 1, 2, 3]);
    assert.deepEqual(await all(log, 'organizations', { partition: 2 }), []);
  });

  it('read() ends where the log ended when it began', async (t) => {
    const log = await servedLog(t, 1);
    await log.append([1, 2, 3, 4].map((n) => changed('a', n)));
    const read: number[] = [];
    for await (const { events } of log.read('organizations', { batch: 2 })) {
      read.push(...numbersOf(events));
      await log.append([changed('a', 99)]);
    }
    assert.deepEqual(read, [1, 2, 3, 4]);
  });

  it('with a text only events are read in which it stands, and `next` moves past the others', async (t) => {
    const log = await servedLog(t);
    await log.append(Array.from({ length: 20 }, (_, i) => changed(i % 4 === 0 ? 'é' : `e${i}`, i)));
    let read = 0;
    const found: number[] = [];
    for await (const batch of log.read('organizations', { mentions: 'org_é', batch: 4 })) {
      read = Math.max(read, batch.next);
      found.push(...numbersOf(batch.events));
    }
    assert.deepEqual(found, [0, 4, 8, 12, 16]);
    assert.ok(read > 0);
    assert.deepEqual(await all(log, 'organizations', { mentions: 'org_z' }), []);
    const both = { mentions: 'org_é', types: ['ProjectCreated' as const] };
    assert.deepEqual(await all(log, 'organizations', both), []);
  });

  it('with types only those are read, and `next` moves past the others', async (t) => {
    const log = await servedLog(t, 1);
    const mixed = Array.from({ length: 40 }, (_, n) =>
      n % 10 === 0 ? { ...EXAMPLES.OrganizationDeleted, atMs: n } : changed('01', n),
    );
    await log.append(mixed);
    const read: number[] = [];
    let reached = 0;
    for await (const batch of log.read('organizations', { types: ['OrganizationDeleted'], batch: 4 })) {
      assert.ok(batch.next > reached);
      reached = batch.next;
      read.push(...numbersOf(batch.events));
    }
    assert.deepEqual(read, [0, 10, 20, 30]);
    assert.deepEqual([reached], await log.ends('organizations'));
    assert.deepEqual(await all(log, 'organizations', { types: ['ProjectCreated'] }), []);
  });
}

function followContract({ it, logFor, servedLog }: Kit): void {
  /** Follows topic organizations into `numbers` until `stop()`, which resolves when the following has ended. */
  function followed(log: Awaited<ReturnType<typeof servedLog>>, from?: Record<number, number>) {
    const stopping = new AbortController();
    const numbers: number[] = [];
    const following = (async () => {
      const options = { signal: stopping.signal, ...(from === undefined ? {} : { from }) };
      for await (const { events } of log.follow('organizations', options)) numbers.push(...numbersOf(events));
    })();
    const stop = async () => {
      stopping.abort();
      await following;
    };
    return { numbers, stop };
  }

  it('follow() reads what is there, then what comes, each once, and ends without an error', async (t) => {
    const log = await servedLog(t);
    const organizations = ['a', 'b', 'c', 'd'];
    await log.append(organizations.map((name, n) => changed(name, n)));
    const { numbers, stop } = followed(log);
    await waitFor('what is there', () => numbers.length === 4);
    for (let n = 4; n < 40; n++) await log.append([changed(organizations[n % 4] ?? '', n)]);
    await waitFor('what came', () => numbers.length >= 40);
    await stop();
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  it('follow() tells with each batch where the partition ends, however much there is', async (t) => {
    const log = await servedLog(t, 1);
    const large = { ...EXAMPLES.LogReceived, body: Buffer.alloc(200 * 1024, 'x') };
    for (let n = 0; n < 4; n++) await log.append(Array.from({ length: 4 }, () => large));
    const [end = 0] = await log.ends('inbound');
    let read = 0;
    for await (const batch of log.follow('inbound', { signal: new AbortController().signal, batch: 3 })) {
      read += batch.events.length;
      assert.equal(batch.end, end);
      assert.equal(batch.next === end, read === 16, `${read}: ${batch.next} of ${end}`);
      if (read === 16) break;
    }
  });

  it('follow() begins where it is told', async (t) => {
    const log = await servedLog(t, 1);
    const positions = await log.append([0, 1, 2].map((n) => changed('a', n)));
    const { numbers, stop } = followed(log, { 0: positions[2]?.offset ?? 0 });
    await log.append([changed('a', 3)]);
    await waitFor('two events', () => numbers.length === 2);
    await stop();
    assert.deepEqual(numbers, [2, 3]);
  });

  it('follow() sees what another handle appends', async (t) => {
    const open = logFor(t);
    const [one, other] = [await open({ serve: true }), await open({ serve: false })];
    const { numbers, stop } = followed(other);
    for (let n = 0; n < 5; n++) {
      await one.append([changed('a', n)]);
      await waitFor(`event ${n}`, () => numbers.length === n + 1);
    }
    await stop();
    assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
  });

  it('many can follow at once, and who leaves the loop follows no longer', async (t) => {
    const log = await servedLog(t);
    const others = [followed(log), followed(log)];
    await log.append([changed('a', 1)]);
    for await (const { events } of log.follow('organizations', { signal: new AbortController().signal })) {
      assert.deepEqual(numbersOf(events), [1]);
      break;
    }
    await waitFor('the others', () => others.every(({ numbers }) => numbers.length === 1));
    await Promise.all(others.map(({ stop }) => stop()));
  });

  it('to follow with a signal that is aborted is to read nothing', async (t) => {
    const log = await servedLog(t);
    await log.append([changed('a', 1)]);
    for await (const _ of log.follow('organizations', { signal: AbortSignal.abort() })) assert.fail();
  });
}
