import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { countSql, findSql } from '../../src/views/sqlite-query.ts';
import type { Condition, Value } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { THINGS } from './things.ts';

test('values are bound, and never become part of a statement', () => {
  const evil = "' OR 1=1 --";
  const where: Condition[] = [
    { field: 'kind', eq: evil },
    { field: 'name', in: [evil] },
    { field: 'id', prefix: evil },
    { field: 'name', from: evil, to: evil },
  ];
  const { sql } = findSql({ table: 'things_1', shape: THINGS }, { where, limit: 1, before: evil });
  assert.ok(!sql.includes(evil));
});

test('a field whose name cannot be one never becomes part of a statement', () => {
  for (const field of ['', 'a b', "a'", 'a.b', '1a', 'naïve', '$', 'f_kind']) {
    assert.throws(
      () => countSql({ table: 'things_1', shape: THINGS }, { where: [{ field, eq: 1 }] }),
      /not a name of a field/,
    );
  }
});

/** What a condition says about a value: the words of the port once more. */
function holds(condition: Condition, value: Value): boolean {
  if ('eq' in condition) return value === condition.eq;
  if ('in' in condition) return condition.in.some((one) => one === value);
  if ('prefix' in condition) return typeof value === 'string' && value.startsWith(condition.prefix);
  const { from, to } = condition;
  const bounds = [from, to].filter((bound) => bound !== undefined);
  if (value === null || bounds.some((bound) => typeof bound !== typeof value)) return false;
  return (from === undefined || value >= from) && (to === undefined || value < to);
}

test('any condition finds what it says, values of the same type alone, with an index and without', async (t) => {
  const directory = temporaryDirectory(t);
  const views = openSqliteViews({ directory, definitions: [THINGS] });
  t.after(() => views.close());
  const values: Value[] = [
    null,
    true,
    false,
    0,
    1,
    1.5,
    -2,
    2 ** 40,
    '',
    'a',
    'ab',
    'b',
    '1',
    'é',
    [1],
    { a: 1 },
  ];
  const patches = values.map((value, i) => ({
    view: 'things',
    id: String(i).padStart(2, '0'),
    cause: { topic: 'outbound', partition: 0, offset: i } as const,
    set: { value, kind: value },
  }));
  await views.apply({ patches, positions: [] });

  const field = fc.constantFrom('value', 'kind');
  const bound = fc.constantFrom<string | number>(0, 1, 1.2, -2, '', 'a', 'b', 'é', '[1]');
  const scalar = fc.oneof(bound, fc.constantFrom(null, true, false));
  const range = fc.record({ field, from: bound, to: bound }, { requiredKeys: ['field'] });
  const condition: fc.Arbitrary<Condition> = fc.oneof(
    fc.record({ field, eq: scalar }),
    fc.record({ field, in: fc.array(bound, { maxLength: 3 }) }),
    fc.record({ field, prefix: fc.constantFrom('', 'a', 'ab', 'é', '1', '[') }),
    range,
  );
  await fc.assert(
    fc.asyncProperty(condition, async (one) => {
      const expected = patches.filter(({ set }) => holds(one, set.value)).map(({ id }) => id);
      const found = await views.find('things', { where: [one], limit: 100 });
      assert.deepEqual(found.map(({ id }) => id).reverse(), expected);
      assert.equal(await views.count('things', [one]), expected.length);
    }),
    { numRuns: 300 },
  );
});
