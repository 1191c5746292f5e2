// What is read of a fetched partition: no control records, nothing of aborted transactions, nothing before the offset
// that was asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portionOf } from '../../src/log/kafka-records.ts';
import type { FetchedMessage, FetchedPartition } from '../../src/log/kafka-wire.ts';

const COMMIT = Buffer.of(0, 0, 0, 1);
const ABORT = Buffer.of(0, 0, 0, 0);

/** Records of one batch, from `first` on. */
function batch(first: number, count: number, producerId = '1', inTransaction = true): FetchedMessage[] {
  return Array.from({ length: count }, (_, i) => ({
    offset: String(first + i),
    key: Buffer.from('k'),
    value: Buffer.of(i),
    isControlRecord: false,
    batchContext: { firstOffset: String(first), lastOffsetDelta: count - 1, producerId, inTransaction },
  }));
}

function marker(offset: number, key: Buffer, producerId = '1'): FetchedMessage {
  return {
    offset: String(offset),
    key,
    value: Buffer.alloc(6),
    isControlRecord: true,
    batchContext: { firstOffset: String(offset), lastOffsetDelta: 0, producerId, inTransaction: true },
  };
}

function fetched(
  messages: FetchedMessage[],
  aborted: [producerId: string, first: number][] = [],
): FetchedPartition {
  return {
    partition: 0,
    lastStableOffset: '100',
    abortedTransactions: aborted.map(([producerId, first]) => ({ producerId, firstOffset: String(first) })),
    messages,
  };
}

function offsets(partition: FetchedPartition, from = 0): [number[], number] {
  const { records, next } = portionOf(partition, from);
  return [records.map(({ offset }) => offset), next];
}

test('control records are passed over, and reading goes on behind them', () => {
  assert.deepEqual(offsets(fetched([...batch(0, 2), marker(2, COMMIT)])), [[0, 1], 3]);
  assert.deepEqual(offsets(fetched([marker(2, COMMIT)]), 2), [[], 3]);
});

test('what was aborted is not read, what others wrote meanwhile is', () => {
  const messages = [
    ...batch(0, 2),
    ...batch(2, 1, '2'),
    ...batch(3, 1),
    marker(4, ABORT),
    marker(5, COMMIT, '2'),
  ];
  assert.deepEqual(offsets(fetched(messages, [['1', 0]])), [[2], 6]);
});

test('a producer that has aborted is read again from its next transaction on', () => {
  const messages = [...batch(0, 1), marker(1, ABORT), ...batch(2, 1), marker(3, COMMIT)];
  assert.deepEqual(offsets(fetched(messages, [['1', 0]])), [[2], 4]);
});

test('two transactions that are aborted at the same offsets, named in any order', () => {
  const messages = [...batch(5, 1, '2'), ...batch(6, 1, '1'), marker(7, ABORT, '1'), marker(8, ABORT, '2')];
  assert.deepEqual(
    offsets(
      fetched(messages, [
        ['1', 6],
        ['2', 5],
      ]),
      5,
    ),
    [[], 9],
  );
});

test('a record whose key looks like the marker of an abort is a record', () => {
  const [record] = batch(1, 1);
  assert.ok(record);
  const messages = [...batch(0, 1), { ...record, key: ABORT }, marker(2, ABORT)];
  assert.deepEqual(offsets(fetched(messages, [['1', 0]])), [[], 3]);
});

test('what is not transactional is read, whoever wrote it', () => {
  assert.deepEqual(offsets(fetched(batch(0, 2, '1', false), [['1', 0]])), [[0, 1], 2]);
});

test('a batch that begins before the offset asked for is read from there, and one cut short by compaction to its end', () => {
  const messages = batch(0, 5).filter(({ offset }) => offset !== '4');
  assert.deepEqual(offsets(fetched(messages), 2), [[2, 3], 5]);
});

test('an answer without records leaves the offset where it is', () => {
  assert.deepEqual(offsets(fetched([]), 7), [[], 7]);
});
