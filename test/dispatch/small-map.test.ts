// Maps that many lanes share: nothing that one of them does may be seen in another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop, noEntries, put } from '../../src/dispatch/small-map.ts';

test('what is put into the map that all share is in one map alone, and what is empty again is shared again', () => {
  const one = put(noEntries<string, number>(), 'a', 1);
  const other = put(noEntries<string, number>(), 'b', 2);
  assert.deepEqual([...put(one, 'c', 3)], [...Object.entries({ a: 1, c: 3 })]);
  assert.deepEqual([...other], [['b', 2]]);
  assert.equal(noEntries().size, 0);
  assert.equal(drop(other, 'a'), other, 'it has no such entry');
  assert.equal(drop(other, 'b'), noEntries());
  assert.equal(drop(noEntries<string, number>(), 'b'), noEntries());
});

test('a map with one entry is read as any other, and is one of its own', () => {
  const one = put(noEntries<string, number>(), 'a', 1);
  for (const map of [one, new Map([['a', 1]])]) {
    assert.deepEqual(
      [map.size, map.has('a'), map.has('b'), map.get('a'), map.get('b')],
      [1, true, false, 1, undefined],
    );
    assert.deepEqual(
      [[...map], [...map.keys()], [...map.values()], [...map.entries()]],
      [[['a', 1]], ['a'], [1], [['a', 1]]],
    );
    const seen: unknown[] = [];
    map.forEach((...entry) => {
      seen.push(...entry);
    });
    assert.deepEqual(seen, [1, 'a', map]);
  }
  assert.deepEqual([...put(one, 'a', 2)], [['a', 2]]);
  const two = put(put(one, 'b', 2), 'a', 3);
  assert.deepEqual(
    [...two],
    [
      ['a', 3],
      ['b', 2],
    ],
  );
  assert.deepEqual([...drop(two, 'a')], [['b', 2]]);
  assert.equal(drop(one, 'b'), one);
  assert.equal(drop(one, 'a'), noEntries());
});
