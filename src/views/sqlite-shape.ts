// What the table of a view looks like: its name, its columns, and what a column holds of a value. Pure.
//
// Names become part of SQL: what is no name is refused.

import type { SQLInputValue } from 'node:sqlite';
import { isName, type Shape } from './definition.ts';
import type { Value, ViewIndex } from './views.ts';

/** The name of a field, fit to stand in SQL. Throws if it is none. */
function checkedField(field: string): string {
  if (!isName(field)) throw new Error(`not a name of a field: ${field}`);
  return field;
}

export function tableName(view: string, generation: number): string {
  return `${view}_${generation}`;
}

/** The fields that have a column of their own. */
export function indexedFields({ indexes }: Shape): string[] {
  return [...new Set(indexes.flat())].map(checkedField);
}

/** The SQL that makes the table of a shape, without its indexes. */
export function createTableSql(table: string, shape: Shape): string {
  const columns = [
    'id TEXT PRIMARY KEY',
    'doc TEXT NOT NULL',
    ...shape.topics.map((topic) => `seen_${topic} INTEGER`),
    ...indexedFields(shape).map((field) => `f_${field} ANY`),
  ];
  return `CREATE TABLE ${table} (${columns.join(', ')}) STRICT`;
}

/**
 * The SQL that makes each index of a table, by the index's name. Each ends with `id`, for pages. What has none of a `sparse`
 * field is not in an index that has it.
 */
export function createIndexSql(
  table: string,
  indexes: readonly ViewIndex[],
  sparse: readonly string[] = [],
): [name: string, sql: string][] {
  return indexes.map(({ fields, usual, partial }, i) => {
    const name = `${table}_${i}`;
    const indexed = fields.map((field) => `f_${checkedField(field)}`).join(', ');
    const there = fields.flatMap((field) => [
      ...(sparse.includes(field) ? [`f_${field} IS NOT NULL`] : []),
      ...(partial ? unusualSql(field, usual) : []),
    ]);
    const which = there.length === 0 ? '' : ` WHERE ${there.join(' AND ')}`;
    return [name, `CREATE INDEX ${name} ON ${table} (${indexed}, id)${which}`];
  });
}

/**
 * That an indexed field has none of the values that are usual in it. SQLite uses an index that is made with such
 * conditions for what is asked with the same ones, word for word. Source: sqlite.org/partialindex.html.
 */
export function unusualSql(field: string, usual: ViewIndex['usual']): string[] {
  return (usual[field] ?? []).map(
    (value) => `f_${field} <> ${typeof value === 'string' ? `'${value}'` : value}`,
  );
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
