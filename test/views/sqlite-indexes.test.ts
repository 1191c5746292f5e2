// The columns and indexes beside the documents, which no comparison of documents looks at.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { deliveries } from '../../src/projections/deliveries.ts';
import { inboundWebhooks } from '../../src/projections/inbound-webhooks.ts';
import { logGroups } from '../../src/projections/log-groups.ts';
import { logs } from '../../src/projections/logs.ts';
import { projectBatch } from '../../src/projections/project.ts';
import { madeIndexes } from '../../src/views/definition.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { findSql, memberSql } from '../../src/views/sqlite-query.ts';
import type { Fields, ViewDefinition, Views } from '../../src/views/views.ts';
import * as facts from '../projections/facts.ts';
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

/** The indexes of a table that were made as declared, and the condition of each that has not all documents. */
function conditionsOf(db: DatabaseSync, table: string): Map<string, string | undefined> {
  const indexes = db.prepare(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL ORDER BY rowid",
  );
  return new Map(indexes.all(table).map(({ name, sql }) => [String(name), String(sql).split(' WHERE ')[1]]));
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
  assert.deepEqual(
    [...conditionsOf(db, 'made_1')],
    [
      ['made_1_0', undefined],
      ['made_1_1', 'f_b IS NOT NULL'],
      ['made_1_2', 'f_b IS NOT NULL'],
      ['made_1_3', 'f_b IS NOT NULL'],
    ],
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

test('documents with a usual value are left out of the indexes it may be left out of, and found by others', async (t) => {
  const { views, db } = storeFor(t, {
    ...MADE,
    usual: { b: ['ok', 200], a: ['x'] },
    indexes: [['a'], ['b'], ['c', 'b']],
  });
  const unusual = "f_b IS NOT NULL AND f_b <> 'ok' AND f_b <> 200";
  assert.deepEqual(
    [...conditionsOf(db, 'made_1')],
    [
      ['made_1_0', undefined],
      ['made_1_1', unusual],
      ['made_1_2', unusual],
    ],
  );
  const values = ['ok', 200, 'bad', 500, null, true];
  const patches = values.map((b, n) => {
    const cause = { topic: 'outbound', partition: 0, offset: n } as const;
    return { view: 'made', id: `m_${n}`, cause, set: { a: 'x', b, c: 'y' } };
  });
  await views.apply({ patches, positions: [] });
  for (const [n, b] of values.entries()) {
    for (const others of [[], [{ field: 'c', eq: 'y' }]]) {
      const where = [...others, { field: 'b', eq: b }];
      const found = await views.find('made', { where, limit: 9 });
      assert.deepEqual(
        found.map(({ id }) => id),
        [`m_${n}`],
      );
      assert.equal(await views.count('made', where), 1);
    }
  }
  // By a range, of which SQLite cannot know that it is without them.
  const range = await views.find('made', { where: [{ field: 'b', from: 0 }], limit: 9 });
  assert.deepEqual(
    range.map(({ id }) => id),
    ['m_3', 'm_1'],
  );
});

test('a delivery that went well is in the indexes of what is its own, and in none of what fails', async (t) => {
  const { views, db } = storeFor(t, deliveries.definition);
  const at = { topic: 'outbound', partition: 0 } as const;
  const events = [facts.scheduled(), facts.attemptStarted(), facts.processed()].map((event, offset) => ({
    ...at,
    offset,
    event,
  }));
  await views.apply(projectBatch([deliveries], { ...at, events, next: 3, end: 3 }));
  const has = [...conditionsOf(db, 'deliveries_1')].filter(([name, where = 'TRUE']) =>
    db.prepare(`SELECT 1 FROM deliveries_1 INDEXED BY ${name} WHERE ${where}`).get(),
  );
  const made = madeIndexes(deliveries.definition);
  assert.deepEqual(
    has.map(([name]) => made[Number(name.split('_')[2])]?.fields),
    [['organizationId', 'endpointId'], ['status'], ['event'], ['host'], ['eventId']],
  );
});

for (const { definition } of [deliveries, inboundWebhooks, logs, logGroups]) {
  test(`each index of ${definition.name} answers the questions it is for`, (t) => {
    const { db } = storeFor(t, definition);
    const { name, usual = {} } = definition;
    const source = { table: `${name}_1`, shape: definition, usual };
    const plan = (sql: string, values: number) =>
      db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array<string>(values).fill('x'));
    const bound = (fields: readonly string[]) => fields.map((field) => `f_${field}=?`);
    for (const [n, { fields, nested }] of madeIndexes(definition).entries()) {
      const using = (conditions: string[]) => `INDEX ${name}_1_${n} (${conditions.join(' AND ')})`;
      const where = fields.map((field) => ({ field, eq: 'x' }));
      const { sql, values } = findSql(source, { where, limit: 9, before: 'x' });
      assert.deepEqual(
        plan(sql, values.length).map(({ detail }) => detail),
        [`SEARCH ${name}_1 USING ${using([...bound(fields), 'id<?'])}`],
      );
      // The list of one member, where only fields that hold it are asked for: no document is read that is not shown.
      const members = fields.slice(0, nested);
      const asked = where.filter(({ field }) => !members.slice(1).includes(field));
      if (nested === 0) continue;
      const list = findSql(source, { where: asked, limit: 9, before: 'x' }, { members });
      assert.deepEqual(
        plan(list.sql, members.length + list.values.length).map(({ detail }) => detail),
        [`SEARCH ${name}_1 USING COVERING ${using([...bound(fields), 'id<?'])}`],
      );
    }
    const { nested = [] } = definition;
    for (const [depth, next] of nested.entries()) {
      const outer = nested.slice(0, depth);
      if (depth === 0) continue;
      const step = memberSql(source, { fields: outer, next, after: 'x' });
      assert.deepEqual(
        plan(step, outer.length + 1).map(({ detail }) => detail),
        [
          `SEARCH ${name}_1 USING COVERING INDEX ${name}_1_0 (${[...bound(outer), `f_${next}>?`].join(' AND ')})`,
        ],
      );
    }
  });
}
