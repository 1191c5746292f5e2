// What the table of a view looks like: its name, its columns, and what a column holds of a value. Pure.
//
// The shape is kept beside each table, as another release may declare the view otherwise. Names become part of SQL,
// so every declaration is checked before any of it does.

import type { SQLInputValue } from 'node:sqlite';
import { TOPICS } from '../events.ts';
import type { Value, ViewDefinition } from './views.ts';

/** What of a declaration the table is made from. */
export type TableShape = Pick<ViewDefinition, 'topics' | 'indexes'>;

const NAME = /^[A-Za-z][A-Za-z0-9]*$/;

/** Throws, as this is a bug, unless every view is declared once and as views can be. */
export function checkDefinitions(definitions: readonly ViewDefinition[]): void {
  if (hasRepeats(definitions.map(({ name }) => name))) throw new Error('a view is declared twice');
  for (const { name, version, topics, indexes } of definitions) {
    const wrong = (what: string) => new Error(`the view ${name} is declared wrongly: ${what}`);
    if (!NAME.test(name)) throw wrong('its name is not letters and digits');
    if (!Number.isSafeInteger(version) || version < 1) throw wrong(`version ${version}`);
    if (topics.length === 0 || hasRepeats(topics) || topics.some((topic) => !TOPICS.includes(topic))) {
      throw wrong(`topics ${topics.join(', ')}`);
    }
    for (const fields of indexes) {
      const bad = fields.some((field) => !NAME.test(field) || field === 'id');
      if (fields.length === 0 || hasRepeats(fields) || bad) throw wrong(`index ${fields.join(', ')}`);
    }
  }
}

/** SQLite tells names apart without regard to case. */
function hasRepeats(names: readonly string[]): boolean {
  return new Set(names.map((name) => name.toLowerCase())).size < names.length;
}

export function shapeOf({ topics, indexes }: ViewDefinition): TableShape {
  return { topics, indexes };
}

/** The name of a field, fit to stand in SQL. Throws if it is none. */
function checkedField(field: string): string {
  if (!NAME.test(field)) throw new Error(`not a name of a field: ${field}`);
  return field;
}

export function tableName(view: string, generation: number): string {
  return `${view}_${generation}`;
}

/** The fields that have a column of their own. */
export function indexedFields({ indexes }: TableShape): string[] {
  return [...new Set(indexes.flat())].map(checkedField);
}

/** The SQL that makes the table of a shape, with its indexes. Each index ends with `id`, for pages. */
export function createTableSql(table: string, shape: TableShape): string {
  const columns = [
    'id TEXT PRIMARY KEY',
    'doc TEXT NOT NULL',
    ...shape.topics.map((topic) => `seen_${topic} INTEGER`),
    ...indexedFields(shape).map((field) => `f_${field} ANY`),
  ];
  const indexes = shape.indexes.map((fields, i) => {
    const indexed = fields.map((field) => `f_${field}`).join(', ');
    return `CREATE INDEX ${table}_${i} ON ${table} (${indexed}, id);`;
  });
  return `CREATE TABLE ${table} (${columns.join(', ')}) STRICT; ${indexes.join(' ')}`;
}

const FALSE = Uint8Array.of(0);
const TRUE = Uint8Array.of(1);
const COMPOUND = Uint8Array.of(2);
/** No blob in a column sorts before this one. */
export const LEAST_BLOB = FALSE;

/**
 * What an index column holds of a value. Numbers and texts are themselves; booleans are blobs, so that they are not
 * equal to 0 and 1; a list or an object is only known to be there.
 */
export function columnValue(value: Value | undefined): SQLInputValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? TRUE : FALSE;
  return typeof value === 'object' ? COMPOUND : value;
}

/** An SQL expression for a field's value, as columnValue() has it, whether the field has a column or not. */
export function columnSql(field: string, indexed: readonly string[]): string {
  if (field === 'id') return 'id';
  if (indexed.includes(field)) return `f_${field}`;
  const path = `'$.${checkedField(field)}'`;
  return `CASE json_type(doc, ${path})
    WHEN 'false' THEN x'00' WHEN 'true' THEN x'01' WHEN 'array' THEN x'02' WHEN 'object' THEN x'02'
    ELSE json_extract(doc, ${path}) END`;
}
