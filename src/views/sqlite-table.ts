// One generation of a view as a table: documents as JSON, for each topic the offset they have seen, and a column
// for each field that is in an index. A rebuilt view is a new generation. To be used within a transaction. What lies
// before the horizon it is given (see retention.ts) is not there for it.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import { applyPatch } from './patch.ts';
import { age, type Horizon, withoutPayload } from './retention.ts';
import { nestingOf, pageOfMembers } from './sqlite-nested.ts';
import { countSql, findSql, firstSql, type Source } from './sqlite-query.ts';
import { columnValue, indexedFields } from './sqlite-shape.ts';
import type { Condition, Document, Fields, Patch, Query, ScannedDocument, ViewIndex } from './views.ts';

export interface Table {
  /** Reads each document once, applies its patches in order, and writes it once if that has changed it. */
  apply(patches: readonly Patch[], horizon: Horizon): void;
  /** Applies patches to drafts alone; those that are not there yet are read. */
  fold(patches: readonly Patch[], drafts: Drafts, horizon: Horizon): void;
  /** Writes drafts that have been changed. They are not to be used any more when that is committed. */
  write(drafts: Iterable<[id: string, Draft]>, horizon: Horizon): void;
  get(id: string, horizon: Horizon): Document | undefined;
  find(query: Query, horizon: Horizon): Document[];
  first(where: readonly Condition[], horizon: Horizon): Document | undefined;
  count(where: readonly Condition[], horizon: Horizon, atMost?: number): number;
  /** Documents with ids greater than `after`, least first. */
  scan(after: string, limit: number, horizon: Horizon): ScannedDocument[];
  /**
   * Deletes a bounded part of what lies before the horizon; when nothing is left of that, takes payloads off the disk, of
   * documents with ids greater than `swept`. Up to which id they are off then, and whether there may be more.
   */
  sweep(horizon: Horizon, swept: string): { swept: string; more: boolean };
}

/** Documents that are swept up at a time: with their indexes some 20 ms, in which others cannot write. */
const SWEPT_DOCUMENTS = 100;
/** Different queries whose statements are kept prepared. */
const MAX_STATEMENTS = 200;

const ASCII = /^[\x20-\x7e]*$/;

/** Documents that are changed and not written yet, by their ids; the one that was first changed comes first. */
export type Drafts = Map<string, Draft>;

/** A document while patches are applied to it. */
export interface Draft {
  fields: Fields;
  /** The offset seen of each topic, in the order of the shape. */
  seen: (number | null)[];
  changed: boolean;
  /** What the columns of indexes hold; undefined: the document is new. */
  columns: SQLInputValue[] | undefined;
}

/** Opens a table that createTableSql() has made. */
export function openTable(
  db: DatabaseSync,
  name: string,
  { shape, usual, indexes }: Required<Pick<Source, 'shape' | 'usual'>> & { indexes: readonly ViewIndex[] },
): Table {
  const { topics } = shape;
  const fields = indexedFields(shape);
  const seenColumns = topics.map((topic) => `seen_${topic}`);
  const columns = ['id', 'doc', ...seenColumns, ...fields.map((field) => `f_${field}`)];
  const read = ['id', 'doc', ...seenColumns].join(', ');
  const select = db.prepare(`SELECT ${read} FROM ${name} WHERE id = ?`);
  const selectAt = db.prepare(`SELECT id, doc FROM ${name} WHERE rowid = ?`);
  const selectAfter = db.prepare(`SELECT ${read} FROM ${name} WHERE id > ? ORDER BY id LIMIT ?`);
  const selectGreatest = db.prepare(`SELECT max(id) AS id FROM ${name}`);
  const insert = db.prepare(
    `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  const removeBefore = db.prepare(
    `DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE id < ? ORDER BY id LIMIT ?)`,
  );
  const selectBetween = db.prepare(`SELECT id, doc FROM ${name} WHERE id > ? AND id < ? ORDER BY id LIMIT ?`);
  const updateDoc = db.prepare(`UPDATE ${name} SET doc = ? WHERE id = ?`);
  const prepared = new Map<string, StatementSync>();

  function from({ documents }: Horizon): Source {
    return { table: name, shape, usual, from: documents };
  }

  /** The statement that is known by `key`, which is its SQL where that need not be made first. */
  function prepare(key: string, sql = () => key): StatementSync {
    const known = prepared.get(key);
    if (known !== undefined) return known;
    if (prepared.size >= MAX_STATEMENTS) prepared.clear();
    const statement = db.prepare(sql());
    prepared.set(key, statement);
    return statement;
  }

  function load(id: string, greatest: string): Draft {
    const row = isGreater(id, greatest) ? undefined : select.get(id);
    if (row === undefined)
      return { fields: {}, seen: topics.map(() => null), changed: false, columns: undefined };
    const seen = seenColumns.map((column) => (row[column] === null ? null : Number(row[column])));
    const document = parse(row.doc);
    return { fields: document, seen, changed: false, columns: columnsOf(document) };
  }

  function columnsOf(document: Fields): SQLInputValue[] {
    return fields.map((field) => columnValue(document[field]));
  }

  function save(id: string, { fields: document, seen, columns: before }: Draft): void {
    const after = columnsOf(document);
    const doc = JSON.stringify(document);
    if (before === undefined) {
      insert.run(id, doc, ...seen, ...after);
      return;
    }
    // Only what has changed is set: SQLite touches each index of which a column is, whether it changes or not.
    const changed: number[] = [];
    for (const [i, value] of after.entries()) if (value !== before[i]) changed.push(i);
    const statement = prepare(changed.join(), () => {
      const indexColumns = changed.map((i) => `f_${fields[i]}`);
      const sets = ['doc', ...seenColumns, ...indexColumns].map((column) => `${column} = ?`);
      return `UPDATE ${name} SET ${sets.join(', ')} WHERE id = ?`;
    });
    statement.run(doc, ...seen, ...changed.map((i) => after[i] ?? null), id);
  }

  /** The page, out of the lists of the innermost fields where the index that answers goes on by fields that are not asked for. */
  function rowsOf(query: Query, horizon: Horizon): ReturnType<StatementSync['all']> {
    const source = from(horizon);
    const nesting = nestingOf(indexes, query);
    if (nesting !== undefined)
      return pageOfMembers({ source, query, nesting, prepare }).flatMap((at) => selectAt.all(at));
    const { sql, values } = findSql(source, query);
    return prepare(sql).all(...values);
  }

  function fold(patches: readonly Patch[], drafts: Drafts, horizon: Horizon): void {
    if (patches.length === 0) return;
    const greatest = String(selectGreatest.get()?.id ?? '');
    for (const patch of patches) {
      if (patch.id < horizon.documents) continue;
      const at = topics.indexOf(patch.cause.topic);
      // The table is older than the declaration, which has a new topic: that comes in when it is rebuilt.
      if (at === -1) continue;
      const draft = drafts.get(patch.id) ?? load(patch.id, greatest);
      drafts.set(patch.id, draft);
      const { offset } = patch.cause;
      if (offset <= (draft.seen[at] ?? -1)) continue;
      applyPatch(draft.fields, patch);
      draft.seen[at] = offset;
      draft.changed = true;
    }
  }

  function write(drafts: Iterable<[id: string, Draft]>, horizon: Horizon): void {
    for (const [id, draft] of drafts) {
      if (!draft.changed) continue;
      age(id, draft.fields, horizon);
      save(id, draft);
    }
  }

  return {
    apply(patches, horizon) {
      const drafts: Drafts = new Map();
      fold(patches, drafts, horizon);
      write(drafts, horizon);
    },
    fold,
    write,

    get(id, horizon) {
      const row = id < horizon.documents ? undefined : select.get(id);
      return row === undefined ? undefined : documentOf(row, horizon);
    },

    find(query, horizon) {
      return rowsOf(query, horizon).map((row) => documentOf(row, horizon));
    },

    first(where, horizon) {
      const bound = firstSql(from(horizon), where);
      const row = prepare(bound.sql).get(...bound.values);
      return row === undefined ? undefined : documentOf(row, horizon);
    },

    count(where, horizon, atMost) {
      const bound = countSql(from(horizon), { where, atMost });
      return Number(prepare(bound.sql).get(...bound.values)?.n);
    },

    scan(after, limit, horizon) {
      // No id is a horizon.
      const last = after < horizon.documents ? horizon.documents : after;
      return selectAfter.all(last, limit).map((row) => {
        const seen: Partial<Record<Topic, number>> = {};
        for (const topic of topics) {
          const offset = row[`seen_${topic}`];
          if (offset !== null) seen[topic] = Number(offset);
        }
        return { document: documentOf(row, horizon), seen };
      });
    },

    sweep({ documents, payloads, payload }, swept) {
      const removed = removeBefore.run(documents, SWEPT_DOCUMENTS).changes;
      if (removed === SWEPT_DOCUMENTS) return { swept, more: true };
      const rows = selectBetween.all(swept, payloads, SWEPT_DOCUMENTS);
      for (const { id, doc } of rows) {
        const document = parse(doc);
        if (withoutPayload(document, payload)) updateDoc.run(JSON.stringify(document), id ?? null);
      }
      return { swept: String(rows.at(-1)?.id ?? swept), more: rows.length === SWEPT_DOCUMENTS };
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

/** A row as it is read, without a payload that lies before the horizon. */
function documentOf(row: { id?: unknown; doc?: unknown }, horizon: Horizon): Document {
  const document = { ...parse(row.doc), id: String(row.id) };
  age(document.id, document, horizon);
  return document;
}

function parse(doc: unknown): Fields {
  return JSON.parse(String(doc));
}
