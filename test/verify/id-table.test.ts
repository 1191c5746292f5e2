// A number for each of many ids.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { derivedId, newId } from '../../src/ids.ts';
import { createIdTable, keyOf, keyOfPair, portionOf } from '../../src/verify/id-table.ts';

const ids = Array.from({ length: 20_000 }, (_, n) =>
  n % 2 === 0 ? newId('wh') : derivedId('wh', n, `${n}`),
);

test('it remembers what a Map would, also of thousands of ids that differ in their last bits', () => {
  const table = createIdTable();
  for (const [n, id] of ids.entries()) table.set(keyOf(id), n);
  for (const [n, id] of ids.entries()) if (n % 3 === 0) table.set(keyOf(id), -n);
  assert.equal(table.size, ids.length);
  for (const [n, id] of ids.entries()) assert.equal(table.get(keyOf(id)), n % 3 === 0 ? -n : n);
  assert.equal(table.get(keyOf(newId('wh'))), undefined);
});

test('whatever text an id is, the same has the same key, and another one another', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom('wh_', 'wh_01', '', `wh_${'é'.repeat(26)}`),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(keyOf(a).join() === keyOf(b).join(), a === b);
    }),
  );
  assert.deepEqual(keyOf('wh_7ZZZZZZZZZZZZZZZZZZZZZZZZZ'), Array(4).fill(2 ** 32 - 1));
  assert.deepEqual(keyOf('wh_00000000010000000000000001'), [0, 2 ** 16, 0, 1]);
});

test('what is made of one thing has its key, and a pair has another one each way round', () => {
  const [a, b] = [keyOf('evt_01KG9T9M000000000000000001'), keyOf('ep_01KG9T9M000000000000000002')];
  assert.deepEqual(keyOf('log_01KG9T9M000000000000000001'), a);
  assert.notDeepEqual(keyOfPair(a, b), keyOfPair(b, a));
});

test('portions are about as large as each other, and the same each time', () => {
  const sizes = [0, 0, 0, 0];
  for (const id of ids) {
    const portion = portionOf(keyOf(id), 4);
    assert.equal(portionOf(keyOf(id), 4), portion);
    sizes[portion] = (sizes[portion] ?? 0) + 1;
  }
  for (const size of sizes) assert.ok(Math.abs(size - ids.length / 4) < ids.length / 40, `${sizes}`);
});
