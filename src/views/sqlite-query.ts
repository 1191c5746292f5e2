// From a query to SQL with bound parameters. Pure.
//
// SQLite puts numbers before texts, and texts before blobs: so bounds keep a range within its type.

import type { SQLInputValue } from 'node:sqlite';
import { checkLimit, LAST_CHARACTER } from './bounds.ts';
import { isUsual, type Shape } from './definition.ts';
import { columnSql, columnValue, indexedFields, LEAST_BLOB, unusualSql } from './sqlite-shape.ts';
import type { Condition, Query, ViewIndex } from './views.ts';

/** A statement, and what to bind to it. */
export interface BoundSql {
  sql: string;
  values: SQLInputValue[];
}

/** Where documents are looked for. */
export interface Source {
  table: string;
  shape: Shape;
  /** Of all indexes. */
  usual?: ViewIndex['usual'];
  /** Only documents with ids from this one on; missing: all. */
  from?: string;
}

/** Where the values of a type begin, and where those of the next one do. */
const NUMBERS = { least: Number.NEGATIVE_INFINITY, end: '' };
const TEXTS = { least: '', end: LEAST_BLOB };

/**
 * Documents; or, of those with values in the fields `members` that are bound before all others, as columns hold them, only
 * where they are, `at`, their ids, and what they are sorted by, `value`. Throws if the limit is out of its range.
 */
export function findSql(
  source: Source,
  query: Query,
  { members }: { members?: readonly string[] } = {},
): BoundSql {
  const { table, shape } = source;
  const { where = [], limit, before, order } = query;
  checkLimit(limit);
  const parts = [...membersSql(source, members ?? []), ...conditionsSql(source, where)];
  if (before !== undefined) parts.push({ sql: 'id < ?', values: [before] });
  const sorted = order === undefined ? undefined : columnSql(order.field, indexedFields(shape));
  if (sorted !== undefined) {
    const { after } = order ?? {};
    if (after === undefined) parts.push({ sql: `${sorted} IS NOT NULL`, values: [] });
    else parts.push({ sql: `(${sorted}, id) < (?, ?)`, values: [after.value, after.id] });
  }
  const { sql, values } = all(parts);
  const by = sorted === undefined ? 'id DESC' : `${sorted} DESC, id DESC`;
  const entry = ['rowid AS at', 'id', ...(sorted === undefined ? [] : [`${sorted} AS value`])];
  const columns = members === undefined ? ['id', 'doc'] : entry;
  return {
    sql: `SELECT ${columns.join(', ')} FROM ${table}${sql} ORDER BY ${by} LIMIT ?`,
    values: [...values, limit],
  };
}

/**
 * The least value, `value`, that the next one of fields which hold each other has beside the values of those before it, which
 * are to be bound; of those greater than `after`, which is bound behind them. Null is the least of all.
 */
export function memberSql(
  source: Source,
  { fields, next, after }: { fields: readonly string[]; next: string; after?: SQLInputValue },
): string {
  const column = columnSql(next, indexedFields(source.shape));
  const parts = membersSql(source, fields);
  if (after === null) parts.push({ sql: `${column} IS NOT NULL`, values: [] });
  else if (after !== undefined) parts.push({ sql: `${column} > ?`, values: [] });
  const { sql } = all(parts);
  return `SELECT ${column} AS value FROM ${source.table}${sql} ORDER BY ${column} LIMIT 1`;
}

/** IS, as = finds no null. */
function membersSql({ shape }: Source, fields: readonly string[]): BoundSql[] {
  const indexed = indexedFields(shape);
  return fields.map((field) => ({ sql: `${columnSql(field, indexed)} IS ?`, values: [] }));
}

/** The document with the least id of those that meet all conditions. */
export function firstSql(source: Source, where: readonly Condition[]): BoundSql {
  const { sql, values } = all(conditionsSql(source, where));
  return { sql: `SELECT id, doc FROM ${source.table}${sql} ORDER BY id LIMIT 1`, values };
}

/** How many meet all conditions; those beyond `atMost` are not looked for. */
export function countSql(
  source: Source,
  { where, atMost }: { where: readonly Condition[]; atMost?: number | undefined },
): BoundSql {
  const { table } = source;
  const { sql, values } = all(conditionsSql(source, where));
  if (atMost === undefined) return { sql: `SELECT count(*) AS n FROM ${table}${sql}`, values };
  return {
    sql: `SELECT count(*) AS n FROM (SELECT 1 FROM ${table}${sql} LIMIT ?)`,
    values: [...values, atMost],
  };
}

function conditionsSql(source: Source, where: readonly Condition[]): BoundSql[] {
  const { from = '' } = source;
  const parts = where.map((condition) => conditionSql(condition, source));
  if (from === '') return parts;
  // Beside a range of another field the plus keeps it out of SQLite's plan: nearly all documents meet it, and a walk by
  // ids would be taken for short. Else it ends the walk before what is not there any more, and may not be swept yet.
  const ranges = where.some(
    (condition) => condition.field !== 'id' && !('eq' in condition || 'in' in condition),
  );
  return [...parts, { sql: ranges ? '+id >= ?' : 'id >= ?', values: [from] }];
}

function all(parts: readonly BoundSql[]): BoundSql {
  if (parts.length === 0) return { sql: '', values: [] };
  return {
    sql: ` WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`,
    values: parts.flatMap(({ values }) => values),
  };
}

function conditionSql(condition: Condition, { shape, usual = {} }: Source): BoundSql {
  const { field } = condition;
  const indexed = indexedFields(shape);
  const column = columnSql(field, indexed);
  if ('eq' in condition) {
    const { eq } = condition;
    if (eq === null) return { sql: `${column} IS NULL`, values: [] };
    // That it is none of the others is for the indexes that do not have those.
    const others = indexed.includes(field) && !isUsual(usual, field, eq) ? unusualSql(field, usual) : [];
    const sql = [`${column} = ?`, ...others].join(' AND ');
    return { sql, values: [columnValue(eq)] };
  }
  if ('in' in condition) {
    return { sql: `${column} IN (${condition.in.map(() => '?').join(', ')})`, values: [...condition.in] };
  }
  if ('prefix' in condition) {
    const { prefix } = condition;
    return { sql: `${column} >= ? AND ${column} < ?`, values: [prefix, prefix + LAST_CHARACTER] };
  }
  return rangeSql(column, condition);
}

function rangeSql(column: string, { from, to }: { from?: string | number; to?: string | number }): BoundSql {
  if (from === undefined && to === undefined) return { sql: `${column} IS NOT NULL`, values: [] };
  const ofTwoTypes = from !== undefined && to !== undefined && typeof from !== typeof to;
  if (ofTwoTypes) return { sql: 'FALSE', values: [] };
  const { least, end } = typeof (from ?? to) === 'string' ? TEXTS : NUMBERS;
  return { sql: `${column} >= ? AND ${column} < ?`, values: [from ?? least, to ?? end] };
}
