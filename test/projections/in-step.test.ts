import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atMsOf } from '../../src/events.ts';
import type { Offsets } from '../../src/log/log.ts';
import { readInStep } from '../../src/projections/in-step.ts';
import { AT_MS, id, logReceived, logRecorded } from './facts.ts';
import { openStores } from './stores.ts';

const COUNT = 4_500;
const topics = ['inbound', 'organizations'] as const;

/** As many posts, one a millisecond, and the logs that were made of them 20 ms later. */
function history() {
  return Array.from({ length: COUNT }, (_, n) => [
    logReceived({ id: id('in', n), receivedAtMs: AT_MS + n }),
    logRecorded({ inboundId: id('in', n), atMs: AT_MS + n + 20 }),
  ]).flat();
}

test('every event of the topics is read once, in the order of its partition, from where it is asked for', async (t) => {
  const { log } = openStores(t);
  const positions = await log.append(history());
  const from: Record<string, Record<number, number>> = { inbound: {}, organizations: {} };
  const expected = new Map<string, number>();
  // The first 100 of each partition that has as many are passed over.
  for (const topic of topics) {
    for (const [partition, end] of (await log.ends(topic)).entries()) {
      const first = Math.min(100, end);
      (from[topic] ?? {})[partition] = first;
      expected.set(`${topic}/${partition}`, first);
    }
  }
  let read = 0;
  for await (const batches of readInStep(log, from, { topics, atLeast: 2_000 })) {
    for (const { topic, partition, events, next } of batches) {
      for (const { offset } of events) {
        assert.equal(offset, expected.get(`${topic}/${partition}`));
        expected.set(`${topic}/${partition}`, offset + 1);
        read++;
      }
      assert.equal(next, expected.get(`${topic}/${partition}`));
    }
  }
  const passed = topics.reduce((sum, topic) => sum + total(from[topic] ?? {}), 0);
  assert.equal(read, positions.length - passed);
});

test('topics are read in step, so that what belongs together comes together, in batches as large as was asked for', async (t) => {
  const { log } = openStores(t);
  await log.append(history());
  const sizes: number[] = [];
  const apartMs: number[] = [];
  for await (const batches of readInStep(log, {}, { topics, atLeast: 2_000 })) {
    sizes.push(batches.reduce((sum, { events }) => sum + events.length, 0));
    const newest = topics.map((topic) =>
      Math.max(
        ...batches
          .filter((batch) => batch.topic === topic)
          .flatMap(({ events }) => events.map(({ event }) => atMsOf(event) ?? 0)),
      ),
    );
    apartMs.push(Math.abs((newest[0] ?? 0) - (newest[1] ?? 0)));
  }
  assert.ok(sizes.slice(0, -1).every((size) => size >= 2_000 && size < 4_000));
  // One step of 1,000 events, which is a second here.
  assert.ok(
    apartMs.slice(0, -1).every((ms) => ms <= 1_020),
    `${apartMs}`,
  );
});

test('a reading that is given up ends those of all topics', async (t) => {
  const { log } = openStores(t);
  await log.append(history());
  const ended: string[] = [];
  const read: typeof log.read = async function* (topic, options) {
    try {
      yield* log.read(topic, options);
    } finally {
      ended.push(topic);
    }
  };
  for await (const _ of readInStep({ read }, {}, { topics, atLeast: 2_000 })) break;
  assert.deepEqual(ended.toSorted(), [...topics]);
});

function total(offsets: Offsets): number {
  return Object.values(offsets).reduce((sum, next) => sum + next, 0);
}
