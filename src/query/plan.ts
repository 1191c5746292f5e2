// Which of the conditions one index answers, newest first, and which are looked at document by document. Left to the engine,
// a page of what is rare would walk through millions of documents; so a page looks at a bounded number of them. Pure.

import { isEquality, isUsual } from '../views/definition.ts';
import type { ViewIndex } from '../views/views.ts';
import type { Filtered } from './filters.ts';

/**
 * Leaves in `where` what an index answers: of those whose fields are all asked for the one that finds the fewest, which is the
 * one that is asked for the most values that are not usual; of as many, the one with the most fields, and of those the one
 * declared last. Fields that hold each other count as one. Other equalities become part of `keep`. Conditions of other kinds, as
 * ranges of ids are, stay.
 */
export function planned({ where, keep }: Filtered, indexes: readonly ViewIndex[]): Filtered {
  const equalities = where.filter(isEquality);
  const asked = new Map(equalities.map(({ field, eq }) => [field, eq]));
  let best: readonly string[] = [];
  let bestCount = 0;
  let most = 0;
  for (const { fields, nested, usual, partial } of indexes) {
    if (!fields.every((field) => asked.has(field))) continue;
    const unusual = fields.filter((field) => !isUsual(usual, field, asked.get(field)));
    if (partial && unusual.length < fields.length) continue;
    const alike = Math.max(0, nested - 1);
    const count = fields.length - alike;
    const found = unusual.length - alike;
    if (found < most || (found === most && count < bestCount)) continue;
    best = fields;
    bestCount = count;
    most = found;
  }
  const rest = equalities.filter(({ field }) => !best.includes(field));
  if (rest.length === 0) return keep === undefined ? { where } : { where, keep };
  return {
    where: where.filter((condition) => !(isEquality(condition) && rest.includes(condition))),
    keep: (document) =>
      rest.every(({ field, eq }) => document[field] === eq) && (keep === undefined || keep(document)),
  };
}
