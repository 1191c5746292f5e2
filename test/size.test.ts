// Sizes as people write them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatSize, parseSize } from '../src/size.ts';

test('a size is a number and a unit', () => {
  assert.deepEqual(
    ['0B', '4096B', '256KiB', '1MiB', '1.5MiB'].map(parseSize),
    [0, 4_096, 262_144, 1_048_576, 1_572_864],
  );
  for (const text of [
    '',
    '256',
    'KiB',
    '256 KiB',
    '256kib',
    '256KB',
    '1GiB',
    '-1KiB',
    '1e3B',
    '0.1B',
    '1.B',
  ]) {
    assert.equal(parseSize(text), undefined, text);
  }
});

test('a size is read as it was written', () => {
  assert.deepEqual([262_144, 1_048_576, 1_000, 0].map(formatSize), ['256KiB', '1MiB', '1000B', '0B']);
  fc.assert(fc.property(fc.nat({ max: 999_999_999 }), (bytes) => parseSize(formatSize(bytes)) === bytes));
});
