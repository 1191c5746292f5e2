// Which of the conditions one index answers, newest first, and which are looked at document by document. Left to the engine,
// a page of what is rare would walk through millions of documents; so a page looks at a bounded number of them. Pure.

import type { Condition, Value } from '../views/views.ts';
import type { Filtered } from './filters.ts';

/** An equality that an index may answer. */
type Equality = Extract<Condition, { eq: unknown }> & { eq: Value };

/**
 * Leaves in `where` what an index answers: of those whose fields are all asked for the one with the most, of as many the one
 * declared last, by which an index that finds fewer is preferred. Other equalities become part of `keep`. Conditions of
 * other kinds, as ranges of ids are, stay.
 */
export function planned({ where, keep }: Filtered, indexes: readonly (readonly string[])[]): Filtered {
  const equalities = where.filter(isEquality);
  const asked = new Set(equalities.map(({ field }) => field));
  let index: readonly string[] = [];
  for (const fields of indexes)
    if (fields.length >= index.length && fields.every((field) => asked.has(field))) index = fields;
  const rest = equalities.filter(({ field }) => !index.includes(field));
  if (rest.length === 0) return keep === undefined ? { where } : { where, keep };
  return {
    where: where.filter((condition) => !(isEquality(condition) && rest.includes(condition))),
    keep: (document) =>
      rest.every(({ field, eq }) => document[field] === eq) && (keep === undefined || keep(document)),
  };
}

function isEquality(condition: Condition): condition is Equality {
  return 'eq' in condition && condition.eq !== null;
}
