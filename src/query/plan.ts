// Which of the conditions one index answers, newest first, and which are looked at document by document. Left to the engine,
// a page of what is rare would walk through millions of documents; so a page looks at a bounded number of them. Pure.

import { answeredBy, type Equality, isEquality } from '../views/definition.ts';
import type { ViewIndex } from '../views/views.ts';
import type { Filtered } from './filters.ts';

/**
 * Leaves in `where` what an index answers: of those whose fields are all asked for, or implied, the one that finds the fewest,
 * which is the one that is asked for the most values that are not usual; of as many, the one with the most fields, and of those
 * the one declared last. Other equalities become part of `keep`. Conditions of other kinds, as ranges of ids are, stay.
 */
export function planned(
  { where, implied = [], keep }: Filtered,
  indexes: readonly ViewIndex[],
): Omit<Filtered, 'implied'> {
  const asked = new Map([...implied, ...where].filter(isEquality).map(({ field, eq }) => [field, eq]));
  let best: readonly string[] = [];
  let most = { unusual: 0, fields: 0 };
  for (const index of indexes) {
    const answered = answeredBy(index, asked);
    if (answered === undefined || answered.depth < index.nested) continue;
    const { unusual, fields } = answered;
    if (unusual < most.unusual || (unusual === most.unusual && fields < most.fields)) continue;
    best = index.fields;
    most = answered;
  }
  const isKnown = ({ field, eq }: Equality) =>
    (best.includes(field) && asked.get(field) === eq) ||
    implied.some((other) => other.field === field && other.eq === eq);
  const answered = [...asked].flatMap(([field, eq]) => (best.includes(field) ? [{ field, eq }] : []));
  const left = [...answered, ...where.filter((condition) => !isEquality(condition))];
  const rest = where.filter(isEquality).filter((condition) => !isKnown(condition));
  if (rest.length === 0) return keep === undefined ? { where: left } : { where: left, keep };
  return {
    where: left,
    keep: (document) =>
      rest.every(({ field, eq }) => document[field] === eq) && (keep === undefined || keep(document)),
  };
}
