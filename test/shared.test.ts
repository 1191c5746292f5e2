// Settings that are shared: nothing that one who has them does may be seen by another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shared } from '../src/shared.ts';

test('settings that are alike are one, and cannot be changed; numbers and their texts are not alike', () => {
  const first = shared([5_000, 30_000]);
  assert.equal(shared([5_000, 30_000]), first);
  assert.throws(() => first.push(1), TypeError);
  assert.deepEqual(shared(['5000', '30000']), ['5000', '30000']);
  assert.deepEqual(shared([30_000, 5_000]), [30_000, 5_000]);
});

test('a setting that comes after too many others stays as it is', () => {
  for (let n = 0; n < 1_000; n++) shared([n]);
  const late = [-1];
  assert.equal(shared(late), late);
  assert.notEqual(shared([-1]), late);
  assert.throws(() => late.push(-2), TypeError, 'no more than those that are shared');
});
