import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, type StoredRow } from '../../bench/comparison.ts';

const of = (...measures: StoredRow[]) => ({ at: '2026-11-26T00:00:00.000Z', measures });
const posts = (value: number, beside: number): StoredRow => ({
  name: 'posts',
  value,
  unit: 'posts/s',
  beside: { name: 'bare', value: beside },
});
const latency = (value: number, more: Partial<StoredRow> = {}): StoredRow => ({
  name: 'p99',
  value,
  unit: 'ms',
  ...more,
});
const verdict = (before: StoredRow, after: StoredRow) => compare(of(before), of(after))[0]?.verdict;

test('a row with something beside it is compared by the ratio: on half the machine it is the same', () => {
  const [row] = compare(of(posts(1_000, 4_000)), of(posts(500, 2_000)));
  assert.deepEqual(
    [row?.by, row?.before, row?.after, row?.change, row?.verdict],
    ['ratio', 0.25, 0.25, 0, 'same'],
  );
  assert.equal(verdict(posts(1_000, 4_000), posts(1_000, 8_000)), 'worse');
});

test('a row with nothing beside it, in one of the files, is compared by its value', () => {
  const [row] = compare(of({ name: 'posts', value: 1_000, unit: 'posts/s' }), of(posts(500, 1_000)));
  assert.deepEqual([row?.by, row?.change, row?.verdict], ['value', -0.5, 'worse']);
});

test('less is better of what is not done a second', () => {
  assert.equal(verdict(latency(10), latency(12)), 'worse');
  assert.equal(verdict(latency(10), latency(8)), 'better');
  assert.equal(verdict(posts(100, 1), posts(120, 1)), 'better');
});

test('a tenth is chance, and so is what the runs lie apart', () => {
  assert.equal(verdict(latency(10), latency(11)), 'same');
  assert.equal(verdict(latency(10), latency(11.1)), 'worse');
  const spread = { min: 8, max: 13 };
  assert.equal(verdict(latency(10, spread), latency(12)), 'same');
  assert.equal(verdict(latency(10, spread), latency(12.6)), 'worse');
});

test('what neither way is better is never worse', () => {
  assert.equal(verdict(latency(1, { better: 'neither' }), latency(9, { better: 'neither' })), 'same');
});

test('from nothing to something is worse, and the other way round better', () => {
  assert.equal(verdict(latency(0), latency(1)), 'worse');
  assert.equal(verdict(latency(1), latency(0)), 'better');
  assert.equal(verdict(latency(0), latency(0)), 'same');
});

test('rows that one file alone has are named, and are not worse', () => {
  const rows = compare(of(latency(1)), of(posts(1, 2)));
  assert.deepEqual(
    rows.map(({ name, verdict }) => [name, verdict]),
    [
      ['posts', 'new'],
      ['p99', 'gone'],
    ],
  );
});
