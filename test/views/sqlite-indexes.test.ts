// The columns and indexes beside the documents, which no comparison of documents looks at.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { deliveries } from '../../src/projections/deliveries.ts';
import { logGroups } from '../../src/projections/log-groups.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Fields, ViewDefinition, Views } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';

const MADE: ViewDefinition = {
  name: 'made',
  version: 1,
  topics: ['outbound'],
  indexes: [['a'], ['b'], ['a', 'b'], ['c', 'b']],
  sparse: ['b'],
};

function storeFor(t: TestContext, definition: ViewDefinition): { views: Views; db: DatabaseSync } {
  const directory = temporaryDirectory(t);
  const views = openSqliteViews({ directory, definitions: [definition] });
  const db = new DatabaseSync(join(directory, 'views.db'));
  t.after(async () => {
    db.close();
    await views.close();
  });
  return { views, db };
}

test('the columns of a document are what its fields are, however often and in whatever batches it is changed', async (t) => {
  const { views, db } = storeFor(t, MADE);
  const value = fc.constantFrom(null, 'x', 'y', 1, 0, true, false, ['list'], { key: 1 });
  const fields: fc.Arbitrary<Fields> = fc.record(
    { a: value, b: value, c: value, d: value },
    { requiredKeys: [] },
  );
  const change = fc.record({ id: fc.constantFrom('m_1', 'm_2', 'm_3'), fields });
  let offset = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 8 }), async (batches) => {
      for (const changes of batches) {
        const patches = changes.map(({ id, fields: set }) => {
          const cause = { topic: 'outbound', partition: 0, offset: offset++ } as const;
          return { view: 'made', id, cause, set };
        });
        await views.apply({ patches, positions: [] });
      }
      for (const field of ['a', 'b', 'c']) {
        const typed = `CASE json_type(doc, '$.${field}') WHEN 'false' THEN x'00' WHEN 'true' THEN x'01'
          WHEN 'array' THEN x'02' WHEN 'object' THEN x'02' ELSE json_extract(doc, '$.${field}') END`;
        const wrong = db.prepare(`SELECT id, doc FROM made_1 WHERE f_${field} IS NOT ${typed}`).all();
        assert.deepEqual(wrong, []);
      }
    }),
    { numRuns: 60 },
  );
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
});

test('documents without a sparse field are left out of its indexes, and found by others', async (t) => {
  const { views, db } = storeFor(t, MADE);
  const sql = db.prepare(
    "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
  );
  assert.deepEqual(
    sql.all().map(({ sql }) => String(sql).split(' WHERE ')[1]),
    [undefined, 'f_b IS NOT NULL', 'f_b IS NOT NULL', 'f_b IS NOT NULL'],
  );
  const cause = { topic: 'outbound', partition: 0, offset: 0 } as const;
  await views.apply({
    patches: [{ view: 'made', id: 'm_1', cause, set: { a: 'x', c: 'y' } }],
    positions: [],
  });
  for (const field of ['a', 'b', 'c']) {
    const eq = { a: 'x', b: null, c: 'y' }[field] ?? null;
    const found = await views.find('made', { where: [{ field, eq }], limit: 9 });
    assert.deepEqual(found, [{ id: 'm_1', a: 'x', c: 'y' }]);
  }
});

for (const { definition } of [deliveries, logGroups]) {
  test(`each index of ${definition.name} answers the question it is for`, (t) => {
    const { db } = storeFor(t, definition);
    for (const fields of definition.indexes) {
      const where = fields.map((field) => `f_${field} = ?`).join(' AND ');
      const sql = `SELECT id, doc FROM ${definition.name}_1 WHERE ${where} AND id < ? ORDER BY id DESC LIMIT 9`;
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...fields.map(() => 'x'), 'x');
      const index = `${definition.name}_1_${definition.indexes.indexOf(fields)}`;
      assert.deepEqual(
        plan.map(({ detail }) => detail),
        [
          `SEARCH ${definition.name}_1 USING INDEX ${index} (${fields.map((field) => `f_${field}=? AND `).join('')}id<?)`,
        ],
      );
    }
  });
}
