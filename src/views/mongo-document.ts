// A document as MongoDB keeps it, and queries of it. Pure.
//
//     { _id, seen: { topic: offset }, fields: { field: scalar }, json: { field: "…" } }
//
// Scalars stand as they are, so that they are found. Lists and objects stand as JSON text: senders name what is in
// them, and BSON allows not every key that JSON does. So does a text that is not well-formed, which BSON would mend.
// Fields come back as they were, byte for byte. MongoDB compares values of one type alone, and texts by their bytes.

import type { Topic } from '../events.ts';
import { checkLimit, LAST_CHARACTER } from './bounds.ts';
import { isName, type Shape } from './definition.ts';
import { age, type Horizon } from './retention.ts';
import type { Condition, Document, Fields, Query, ScannedDocument, Value } from './views.ts';

export interface StoredDocument {
  _id: string;
  seen: Partial<Record<Topic, number>>;
  fields: Record<string, string | number | boolean>;
  json: Record<string, string>;
}

export type Filter = Record<string, unknown>;

/** As it is to be kept. */
export function stored(id: string, fields: Fields, seen: StoredDocument['seen']): StoredDocument {
  const document: StoredDocument = { _id: id, seen, fields: {}, json: {} };
  for (const [field, value] of Object.entries(fields)) {
    if (value === null) continue;
    if (isScalar(value)) document.fields[field] = value;
    else document.json[field] = JSON.stringify(value);
  }
  return document;
}

function isScalar(value: Exclude<Value, null>): value is string | number | boolean {
  return typeof value === 'string' ? value.isWellFormed() : typeof value !== 'object';
}

export function fieldsOf({ fields, json }: StoredDocument): Fields {
  const all: Fields = { ...fields };
  for (const [field, text] of Object.entries(json)) all[field] = JSON.parse(text);
  return all;
}

/** As it is read, without a payload that lies before the horizon. */
export function documentOf(document: StoredDocument, horizon: Horizon): Document {
  const { _id: id } = document;
  const read = { ...fieldsOf(document), id };
  age(id, read, horizon);
  return read;
}

export function scannedOf(document: StoredDocument, horizon: Horizon): ScannedDocument {
  return { document: documentOf(document, horizon), seen: document.seen };
}

/** The fields of an index, with the id behind them, for pages. */
export function indexKeys(fields: readonly string[]): Record<string, 1> {
  return { ...Object.fromEntries(fields.map((field) => [pathOf(field), 1 as const])), _id: 1 };
}

/** The document as it was when it had seen this, or, where it had seen nothing, as it was not there. */
export function asSeen(id: string, seen: StoredDocument['seen'], { topics }: Shape): Filter {
  // null is also what is missing.
  return { _id: id, ...Object.fromEntries(topics.map((topic) => [`seen.${topic}`, seen[topic] ?? null])) };
}

/** Throws if the limit is out of its range. */
export function findFilter({ where = [], limit, before, order }: Query): Filter {
  checkLimit(limit);
  const bounds: Filter[] = [];
  if (before !== undefined) bounds.push({ _id: { $lt: before } });
  if (order !== undefined) bounds.push(afterIn(order));
  return allOf([...where.map(filterOf), ...bounds]);
}

/** What comes behind a document in an order. */
function afterIn({ field, after }: NonNullable<Query['order']>): Filter {
  const path = pathOf(field);
  if (after === undefined) return { [path]: { $ne: null } };
  const { value, id } = after;
  return {
    [path]: { $lte: value },
    $or: [{ [path]: { $lt: value } }, { [path]: value, _id: { $lt: id } }],
  };
}

/** The order of a page. */
export function sortOf({ order }: Query): Record<string, -1> {
  return order === undefined ? { _id: -1 } : { [pathOf(order.field)]: -1, _id: -1 };
}

export function countFilter(where: readonly Condition[]): Filter {
  return allOf(where.map(filterOf));
}

/** Those beyond `atMost` are not looked for. */
export function countOptions(atMost: number | undefined): { limit?: number } {
  return atMost === undefined ? {} : { limit: atMost };
}

function allOf(filters: readonly Filter[]): Filter {
  return filters.length === 0 ? {} : { $and: filters };
}

const NOTHING: Filter = { _id: { $in: [] } };

function filterOf(condition: Condition): Filter {
  const path = pathOf(condition.field);
  if ('eq' in condition) {
    if (condition.eq !== null) return { [path]: { $eq: condition.eq } };
    return { [path]: null, [jsonPathOf(condition.field)]: null };
  }
  if ('in' in condition) return { [path]: { $in: condition.in } };
  if ('prefix' in condition) {
    return { [path]: { $gte: condition.prefix, $lt: condition.prefix + LAST_CHARACTER } };
  }
  const { from, to } = condition;
  if (from === undefined && to === undefined) {
    return { $or: [{ [path]: { $ne: null } }, { [jsonPathOf(condition.field)]: { $ne: null } }] };
  }
  if (from !== undefined && to !== undefined && typeof from !== typeof to) return NOTHING;
  return {
    [path]: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) },
  };
}

/** Throws for what is no name of a field. */
function pathOf(field: string): string {
  if (!isName(field)) throw new Error(`not a name of a field: ${field}`);
  return field === 'id' ? '_id' : `fields.${field}`;
}

function jsonPathOf(field: string): string {
  return `json.${field}`;
}
