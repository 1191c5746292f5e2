// One generation of a view as a table: documents as JSON, for each topic the offset they have seen, and a column
// for each field that is in an index. A rebuilt view is a new generation. To be used within a transaction.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import type { Shape } from './definition.ts';
import { applyPatch } from './patch.ts';
import { type BoundSql, countSql, findSql, firstSql } from './sqlite-query.ts';
import { columnValue, indexedFields } from './sqlite-shape.ts';
import type { Condition, Document, Fields, Patch, Query, ScannedDocument } from './views.ts';

export interface Table {
  /** Reads each document once, applies its patches in order, and writes it once if that has changed it. */
  apply(patches: readonly Patch[]): void;
  get(id: string): Document | undefined;
  find(query: Query): Document[];
  first(where: readonly Condition[]): Document | undefined;
  count(where: readonly Condition[], atMost?: number): number;
  /** Documents with ids greater than `after`, least first. */
  scan(after: string, limit: number): ScannedDocument[];
}

/** Different queries whose statements are kept prepared. */
const MAX_STATEMENTS = 200;

const ASCII = /^[\x20-\x7e]*$/;

/** A document while patches are applied to it. */
interface Entry {
  fields: Fields;
  /** The offset seen of each topic, in the order of the shape. */
  seen: (number | null)[];
  changed: boolean;
}

/** Opens a table that createTableSql() has made. */
export function openTable(db: DatabaseSync, name: string, shape: Shape): Table {
  const { topics } = shape;
  const fields = indexedFields(shape);
  const seenColumns = topics.map((topic) => `seen_${topic}`);
  const columns = ['id', 'doc', ...seenColumns, ...fields.map((field) => `f_${field}`)];
  const updates = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  const read = ['id', 'doc', ...seenColumns].join(', ');
  const select = db.prepare(`SELECT ${read} FROM ${name} WHERE id = ?`);
  const selectAfter = db.prepare(`SELECT ${read} FROM ${name} WHERE id > ? ORDER BY id LIMIT ?`);
  const selectGreatest = db.prepare(`SELECT max(id) AS id FROM ${name}`);
  const upsert = db.prepare(
    `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
     ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
  );
  const prepared = new Map<string, StatementSync>();

  function prepare({ sql }: BoundSql): StatementSync {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= MAX_STATEMENTS) prepared.clear();
    const statement = db.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  }

  function load(id: string, greatest: string): Entry {
    const row = isGreater(id, greatest) ? undefined : select.get(id);
    if (row === undefined) return { fields: {}, seen: topics.map(() => null), changed: false };
    const seen = seenColumns.map((column) => (row[column] === null ? null : Number(row[column])));
    return { fields: parse(row.doc), seen, changed: false };
  }

  return {
    apply(patches) {
      if (patches.length === 0) return;
      const entries = new Map<string, Entry>();
      const greatest = String(selectGreatest.get()?.id ?? '');
      for (const patch of patches) {
        const at = topics.indexOf(patch.cause.topic);
        // The table is older than the declaration, which has a new topic: that comes in when it is rebuilt.
        if (at === -1) continue;
        const entry = entries.get(patch.id) ?? load(patch.id, greatest);
        entries.set(patch.id, entry);
        const { offset } = patch.cause;
        if (offset <= (entry.seen[at] ?? -1)) continue;
        applyPatch(entry.fields, patch);
        entry.seen[at] = offset;
        entry.changed = true;
      }
      for (const [id, { fields: document, seen, changed }] of entries) {
        if (!changed) continue;
        const indexed = fields.map((field) => columnValue(document[field]));
        upsert.run(id, JSON.stringify(document), ...seen, ...indexed);
      }
    },

    get(id) {
      const row = select.get(id);
      return row === undefined ? undefined : { ...parse(row.doc), id };
    },

    find(query) {
      const bound = findSql(name, shape, query);
      const rows = prepare(bound).all(...bound.values);
      return rows.map((row) => ({ ...parse(row.doc), id: String(row.id) }));
    },

    first(where) {
      const bound = firstSql(name, shape, where);
      const row = prepare(bound).get(...bound.values);
      return row === undefined ? undefined : { ...parse(row.doc), id: String(row.id) };
    },

    count(where, atMost) {
      const bound = countSql(name, shape, { where, atMost });
      return Number(prepare(bound).get(...bound.values)?.n);
    },

    scan(after, limit) {
      return selectAfter.all(after, limit).map((row) => {
        const seen: Partial<Record<Topic, number>> = {};
        for (const topic of topics) {
          const offset = row[`seen_${topic}`];
          if (offset !== null) seen[topic] = Number(offset);
        }
        return { document: { ...parse(row.doc), id: String(row.id) }, seen };
      });
    },
  };
}

/**
 * Whether SQLite, too, sorts `id` behind `other`: it goes by bytes, which in ASCII is the same. As ids sort by time, most
 * that come are greater than all that are there, and so are new without being looked for.
 */
function isGreater(id: string, other: string): boolean {
  return id > other && ASCII.test(id);
}

function parse(doc: unknown): Fields {
  return JSON.parse(String(doc));
}
