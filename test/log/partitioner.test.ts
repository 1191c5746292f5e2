import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { murmur2, partitionOf } from '../../src/log/partitioner.ts';

// Source: Kafka's UtilsTest.testMurmur2.
const KNOWN: [key: string, hash: number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

test('keys are hashed as the Java client of Kafka does', () => {
  for (const [key, hash] of KNOWN) assert.equal(murmur2(Buffer.from(key)), hash, key);
});

test("a key's partition is its hash without the sign, modulo the partitions", () => {
  for (const [key, hash] of KNOWN) assert.equal(partitionOf(key, 16), (hash & 0x7fffffff) % 16, key);
});

test('every key has one of the partitions, and always the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 1_024 }), (key, partitions) => {
      const partition = partitionOf(key, partitions);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
      assert.equal(partitionOf(key, partitions), partition);
    }),
  );
});
