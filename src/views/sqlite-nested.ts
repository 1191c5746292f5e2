// Lists by a field that holds others (see `nested` of a view's definition) out of the lists by those: of an organization out of
// those of its endpoints, newest first, each read as far as it is needed. So one index answers for all of them.

import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { checkLimit } from './bounds.ts';
import { answeredBy, isEquality } from './definition.ts';
import { type BoundSql, findSql, memberSql, type Source } from './sqlite-query.ts';
import { columnValue } from './sqlite-shape.ts';
import type { Query, ViewIndex } from './views.ts';

/** Of the fields that hold each other, those that a query asks for, from the outermost on, and those that are left open. */
export interface Nesting {
  asked: readonly string[];
  open: readonly string[];
}

/**
 * How a query goes by the index that answers the most of it that is not usual, of as many the one that leaves the fewest open;
 * with an order, one that is sorted like that. Undefined: nothing is left open, or no index answers anything.
 */
export function nestingOf(
  indexes: readonly ViewIndex[],
  { where = [], order }: Pick<Query, 'where' | 'order'>,
): Nesting | undefined {
  const asked = new Map(where.filter(isEquality).map(({ field, eq }) => [field, eq]));
  let best: Nesting | undefined;
  let most = 0;
  for (const index of indexes) {
    const { fields, nested } = index;
    if (order !== undefined && fields.at(-1) !== order.field) continue;
    const answered = answeredBy(
      order === undefined ? index : { ...index, fields: fields.slice(0, -1) },
      asked,
    );
    if (answered === undefined || (nested > 0 && answered.depth === 0)) continue;
    const { depth, unusual } = answered;
    const open = fields.slice(depth, nested);
    if (unusual < most || (unusual === most && open.length >= (best?.open.length ?? 0))) continue;
    best = { asked: fields.slice(0, depth), open };
    most = unusual;
  }
  return best?.open.length === 0 ? undefined : best;
}

/** How a statement is come by, and where it is asked. */
interface Asking {
  source: Source;
  prepare(sql: string): StatementSync;
}

/** What columns hold of some fields. */
type Values = readonly SQLInputValue[];

/** Where in the table the documents of the page are, in its order. Throws if the limit is out of its range. */
export function pageOfMembers({
  query,
  nesting,
  ...asking
}: Asking & { query: Query; nesting: Nesting }): SQLInputValue[] {
  const { limit } = query;
  checkLimit(limit);
  const members = membersOf(query, nesting, asking);
  // About its share of the page, twice; whoever has more of it is asked again.
  const chunk = Math.min(limit, 1 + Math.ceil((2 * limit) / Math.max(1, members.length)));
  const fields = [...nesting.asked, ...nesting.open];
  const listOf = listsOf({ ...query, limit: chunk }, fields, asking);
  return Array.from(merged(members.map(listOf)).take(limit), ({ at }) => at);
}

/** Of all members what their columns hold, of the fields that are asked for and of those that are open. */
function membersOf({ where = [] }: Query, { asked, open }: Nesting, asking: Asking): Values[] {
  const known = asked.map((field) => {
    const { eq } = where.filter(isEquality).findLast((condition) => condition.field === field) ?? {};
    return columnValue(eq);
  });
  let members: Values[] = [known];
  for (const [n, next] of open.entries()) {
    const valuesOf = stepsOf({ fields: [...asked, ...open.slice(0, n)], next }, asking);
    members = members.flatMap((values) => valuesOf(values).map((value) => [...values, value]));
  }
  return members;
}

/** The values of the next field, least first: one step in the index for each, whatever the number of documents. */
function stepsOf(step: { fields: readonly string[]; next: string }, { source, prepare }: Asking) {
  const first = prepare(memberSql(source, step));
  const behindNull = prepare(memberSql(source, { ...step, after: null }));
  const behind = prepare(memberSql(source, { ...step, after: '' }));
  return (outer: Values): SQLInputValue[] => {
    const values: SQLInputValue[] = [];
    for (let row = first.get(...outer); row !== undefined; ) {
      const value = row.value ?? null;
      values.push(value);
      row = value === null ? behindNull.get(...outer) : behind.get(...outer, value);
    }
    return values;
  };
}

/** Where a document is, its id, and what the list is sorted by where that is not the id. */
interface Entry {
  at: SQLInputValue;
  id: string;
  value?: string | number;
}

/** The lists of members, of which so much is read at a time as the limit says. */
function listsOf(query: Query, fields: readonly string[], { source, prepare }: Asking) {
  const first = findSql(source, query, { members: fields });
  return function* listOf(values: Values): Generator<Entry> {
    for (let bound: BoundSql | undefined = first; bound !== undefined; ) {
      const entries: Entry[] = prepare(bound.sql)
        .all(...values, ...bound.values)
        .map(entryOf);
      yield* entries;
      const last = entries.at(-1);
      const more = last !== undefined && entries.length === query.limit;
      bound = more ? findSql(source, restBehind(query, last), { members: fields }) : undefined;
    }
  };
}

/** As findSql() asks for it. */
function entryOf({ at = null, id, value }: Record<string, SQLOutputValue>): Entry {
  return {
    ...{ at, id: String(id) },
    ...(value === undefined ? {} : { value: typeof value === 'number' ? value : String(value) }),
  };
}

function restBehind({ order, ...query }: Query, { id, value = '' }: Entry): Query {
  return order === undefined
    ? { ...query, before: id }
    : { ...query, order: { ...order, after: { value, id } } };
}

/** Lists that are sorted, greatest first, as one. What is not taken of it is not read. */
export function* merged(lists: Iterable<Iterator<Entry>>): Generator<Entry> {
  /** The next entry of each list that has one, least first. */
  const heads: { entry: Entry; list: Iterator<Entry> }[] = [];
  const advance = (list: Iterator<Entry>) => {
    const { value: entry, done } = list.next();
    if (done) return;
    let [low, high] = [0, heads.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[middle]?.entry;
      if (other !== undefined && compare(other, entry) < 0) low = middle + 1;
      else high = middle;
    }
    heads.splice(low, 0, { entry, list });
  };
  for (const list of lists) advance(list);
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head.entry;
    advance(head.list);
  }
}

/** As SQLite sorts, whose texts go by their bytes. */
function compare(a: Entry, b: Entry): number {
  return compareValues(a.value ?? '', b.value ?? '') || compareValues(a.id, b.id);
}

function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
