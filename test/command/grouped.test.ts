// Things by what they have in common.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Grouped } from '../../src/command/grouped.ts';

const [a, b, c] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

test('a group has its things in the order in which they came, and goes with the last of them', () => {
  const grouped = new Grouped<string, { id: string }>();
  assert.deepEqual([...grouped.of('x')], []);
  for (const thing of [a, b, c]) grouped.add('x', thing);
  grouped.add('y', a);
  assert.deepEqual([...grouped.of('x')], [a, b, c]);
  grouped.remove('x', b);
  assert.deepEqual([...grouped.of('x')], [a, c]);
  grouped.remove('x', a);
  grouped.add('x', b);
  assert.deepEqual([...grouped.of('x')], [c, b]);
  for (const thing of [c, b, b]) grouped.remove('x', thing);
  assert.deepEqual([[...grouped.of('x')], [...grouped.of('y')], grouped.groups.size], [[], [a], 1]);
});

test('a group that is taken is whole, and no more', () => {
  const grouped = new Grouped<string, { id: string }>();
  assert.deepEqual([...grouped.take('x')], []);
  for (const thing of [a, b]) grouped.add('x', thing);
  assert.deepEqual([...grouped.take('x')], [a, b]);
  assert.equal(grouped.groups.size, 0);
});
