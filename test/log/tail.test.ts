import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OrganizationChanged } from '../../src/events.ts';
import { createTail } from '../../src/log/tail.ts';
import { changed } from '../contract/log-kit.ts';

const topic = 'organizations';

/** Events with their offsets, now and then with a hole, where somebody else has written. */
const written = fc
  .array(fc.record({ partition: fc.nat(1), hole: fc.constantFrom(0, 0, 0, 0, 3), bytes: fc.nat(2_000) }), {
    minLength: 1,
    maxLength: 4_000,
  })
  .map((steps) => {
    const ends = [5, 0];
    return steps.map(({ partition, hole, bytes }, n) => {
      const offset = (ends[partition] ?? 0) + hole;
      ends[partition] = offset + 1;
      return { topic, partition, offset, event: changed('a', n) as OrganizationChanged, bytes } as const;
    });
  });

test('what it gives stands in the log just so, from the offset on that was asked for', () => {
  fc.assert(
    fc.property(written, fc.infiniteStream(fc.nat(1_000)), (all, asked) => {
      const tail = createTail([topic]);
      for (const [n, { event, bytes, ...position }] of all.entries()) {
        tail.add(event, position, bytes);
        const { partition, offset } = position;
        assert.deepEqual(tail.from(topic, { partition, from: offset, max: 9 }), [{ ...position, event }]);
        assert.equal(tail.from(topic, { partition, from: offset + 1, max: 9 }), undefined);
        const from = offset - (asked.next().value ?? 0);
        const given = tail.from(topic, { partition, from, max: 50 });
        const there = all.slice(0, n + 1).filter((one) => one.partition === partition && one.offset >= from);
        if (given === undefined) continue;
        assert.deepEqual(
          given,
          there.slice(0, 50).map(({ bytes: _, ...stored }) => stored),
        );
        assert.equal(given[0]?.offset, from);
      }
    }),
    { numRuns: 20 },
  );
});

test('of what nobody reads it keeps some, and the newest', () => {
  const tail = createTail([topic]);
  const kept = (end: number) =>
    Array.from({ length: end }, (_, from) => tail.from(topic, { partition: 0, from, max: 1 })).filter(
      Boolean,
    );
  for (let offset = 0; offset < 10_000; offset++)
    tail.add(changed('a', offset), { topic, partition: 0, offset }, 100);
  assert.ok(kept(10_000).length >= 500 && kept(10_000).length <= 1_000);
  for (let offset = 10_000; offset < 10_100; offset++)
    tail.add(changed('a', offset), { topic, partition: 0, offset }, 256 * 1024);
  assert.ok(kept(10_100).length <= 4);
  assert.ok(tail.from(topic, { partition: 0, from: 10_099, max: 1 }));
});

test('of topics that nobody here works off, and of partitions that are being changed, it keeps nothing', () => {
  const tail = createTail(['inbound', topic]);
  tail.add(changed('a', 0), { topic, partition: 0, offset: 0 }, 10);
  tail.forget(topic, 0);
  assert.equal(tail.from(topic, { partition: 0, from: 0, max: 1 }), undefined);
  assert.equal(tail.from('outbound', { partition: 0, from: 0, max: 1 }), undefined);
});
