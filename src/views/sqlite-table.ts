// One generation of a view as a table: documents as JSON, for each topic the offset they have seen, and a column
// for each field that is in an index. A rebuilt view is a new generation.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import { applyPatch } from './patch.ts';
import type {
  Condition,
  Document,
  Fields,
  Patch,
  Query,
  ScannedDocument,
  Value,
  ViewDefinition,
} from './views.ts';

/** What of a declaration is kept with the generation, as another release may declare the view otherwise. */
export type TableShape = Pick<ViewDefinition, 'topics' | 'indexes'>;

export interface Table {
  apply(patches: readonly Patch[]): void;
  get(id: string): Document | undefined;
  find(query: Query): Document[];
  count(where: readonly Condition[]): number;
  /** Documents with ids greater than `after`, least first. */
  scan(after: string, limit: number): ScannedDocument[];
}

/** Names of views and fields become part of SQL. */
const NAME = /^[A-Za-z][A-Za-z0-9]*$/;

/** Different queries whose statements are kept prepared. */
const MAX_STATEMENTS = 200;

export function tableName(view: string, generation: number): string {
  return `"${checkedName(view)}_${generation}"`;
}

function checkedName(name: string): string {
  if (!NAME.test(name)) throw new Error(`not a name of a view or field: ${name}`);
  return name;
}

function indexedFields({ indexes }: TableShape): string[] {
  return [...new Set(indexes.flat())].map(checkedName);
}

export function createTable(db: DatabaseSync, name: string, shape: TableShape): void {
  const columns = [
    'id TEXT PRIMARY KEY',
    'doc TEXT NOT NULL',
    ...shape.topics.map((topic) => `seen_${topic} INTEGER`),
    ...indexedFields(shape).map((field) => `f_${field} ANY`),
  ];
  db.exec(`CREATE TABLE ${name} (${columns.join(', ')}) STRICT`);
  shape.indexes.forEach((fields, i) => {
    const indexed = fields.map((field) => `f_${field}`).join(', ');
    db.exec(`CREATE INDEX ${name.replace(/"$/, `_${i}"`)} ON ${name} (${indexed}, id)`);
  });
}

interface Entry {
  fields: Fields;
  seen: (number | null)[];
  changed: boolean;
}

export function openTable(db: DatabaseSync, name: string, shape: TableShape): Table {
  const fields = indexedFields(shape);
  const { topics } = shape;
  const seenColumns = topics.map((topic) => `seen_${topic}`);
  const columns = ['id', 'doc', ...seenColumns, ...fields.map((field) => `f_${field}`)];
  const updates = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  const select = db.prepare(`SELECT ${['doc', ...seenColumns].join(', ')} FROM ${name} WHERE id = ?`);
  const upsert = db.prepare(
    `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
     ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
  );
  const after = db.prepare(`SELECT * FROM ${name} WHERE id > ? ORDER BY id LIMIT ?`);
  const prepared = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= MAX_STATEMENTS) prepared.clear();
    const statement = db.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  }

  function load(id: string): Entry {
    const row = select.get(id);
    if (row === undefined) return { fields: {}, seen: topics.map(() => null), changed: false };
    const seen = seenColumns.map((column) => (row[column] === null ? null : Number(row[column])));
    return { fields: parse(row.doc), seen, changed: false };
  }

  function where(conditions: readonly Condition[]): { sql: string; values: SQLInputValue[] } {
    const parts: string[] = [];
    const values: SQLInputValue[] = [];
    for (const condition of conditions) {
      const column = columnOf(condition.field, fields);
      const { sql, values: bound } = conditionSql(column, condition);
      parts.push(sql);
      values.push(...bound);
    }
    return { sql: parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`, values };
  }

  return {
    apply(patches) {
      const entries = new Map<string, Entry>();
      for (const patch of patches) {
        let entry = entries.get(patch.id);
        if (entry === undefined) {
          entry = load(patch.id);
          entries.set(patch.id, entry);
        }
        const { topic, offset } = patch.cause;
        const at = topics.indexOf(topic);
        if (at === -1) throw new Error(`the view ${name} is not made from topic ${topic}`);
        if (offset <= (entry.seen[at] ?? -1)) continue;
        applyPatch(entry.fields, patch);
        entry.seen[at] = offset;
        entry.changed = true;
      }
      for (const [id, { fields: document, seen, changed }] of entries) {
        if (!changed) continue;
        upsert.run(
          id,
          JSON.stringify(document),
          ...seen,
          ...fields.map((field) => columnValue(document[field])),
        );
      }
    },

    get(id) {
      const row = select.get(id);
      return row === undefined ? undefined : { ...parse(row.doc), id };
    },

    find({ where: conditions = [], limit, before, upTo }) {
      const { sql, values } = where([
        ...conditions,
        ...(before === undefined ? [] : [{ field: 'id', to: before }]),
      ]);
      const bound = upTo === undefined ? '' : `${sql === '' ? ' WHERE' : ' AND'} id <= ?`;
      const rows = prepare(`SELECT id, doc FROM ${name}${sql}${bound} ORDER BY id DESC LIMIT ?`).all(
        ...values,
        ...(upTo === undefined ? [] : [upTo]),
        limit,
      );
      return rows.map((row) => ({ ...parse(row.doc), id: String(row.id) }));
    },

    count(conditions) {
      const { sql, values } = where(conditions);
      return Number(prepare(`SELECT count(*) AS n FROM ${name}${sql}`).get(...values)?.n);
    },

    scan(last, limit) {
      return after.all(last, limit).map((row) => {
        const seen: Partial<Record<Topic, number>> = {};
        for (const topic of topics) {
          const offset = row[`seen_${topic}`];
          if (offset !== null && offset !== undefined) seen[topic] = Number(offset);
        }
        return { document: { ...parse(row.doc), id: String(row.id) }, seen };
      });
    },
  };
}

function parse(doc: unknown): Fields {
  return JSON.parse(String(doc));
}

function columnOf(field: string, indexed: readonly string[]): string {
  if (field === 'id') return 'id';
  return indexed.includes(field) ? `f_${field}` : `json_extract(doc, '$.${checkedName(field)}')`;
}

/** What an index column holds of a value: booleans as 0 and 1, as json_extract has them; no lists or objects. */
function columnValue(value: Value | undefined): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function conditionSql(column: string, condition: Condition): { sql: string; values: SQLInputValue[] } {
  if ('eq' in condition) {
    if (condition.eq === null) return { sql: `${column} IS NULL`, values: [] };
    return { sql: `${column} = ?`, values: [columnValue(condition.eq)] };
  }
  if ('in' in condition) {
    return { sql: `${column} IN (${condition.in.map(() => '?').join(', ')})`, values: [...condition.in] };
  }
  if ('prefix' in condition) {
    // No character sorts after this one.
    return {
      sql: `${column} >= ? AND ${column} < ?`,
      values: [condition.prefix, `${condition.prefix}\u{10ffff}`],
    };
  }
  const { from, to } = condition;
  const bounds: [string, string | number][] = [];
  if (from !== undefined) bounds.push(['>=', from]);
  if (to !== undefined) bounds.push(['<', to]);
  if (bounds.length === 0) return { sql: 'TRUE', values: [] };
  const sql = bounds.map(([operator]) => `${column} ${operator} ?`).join(' AND ');
  return { sql, values: bounds.map(([, value]) => value) };
}
