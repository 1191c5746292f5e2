// The timeline of a delivery: every state and every attempt, oldest first, from what its document holds. Pure.
//
// Documents of an older release hold less: a retry, or a failure before it, may be missing there.

import type { Document, Fields, Value } from '../views/views.ts';

/** The attempts, first one first. */
export function attemptsOf(document: Document): Fields[] {
  const attempts = Object.values((document.attempts ?? {}) as Record<string, Fields>);
  return attempts.toSorted((a, b) => Number(a.number) - Number(b.number));
}

/** What of an attempt stands in the timeline. */
const OF_ATTEMPT = ['durationMs', 'responseCode', 'error', 'detail', 'responseBody', 'nextAttemptAt'];

/**
 * Entries `{at, type, …}`: `scheduled` (`dueAt`), `omitted` (`reason`, `freeAt`), `retried` by an operator (`dueAt`, `by`: null where older releases wrote it),
 * `attempt` (`number` and what it came to; without a duration: in flight), `processed`, `error` (`reason`).
 */
export function timelineOf(document: Document): Fields[] {
  const { createdAt = null, omittedFor = null, freeAt = null, status, finishedAt = null } = document;
  const born =
    omittedFor === null && status !== 'omitted'
      ? entry(createdAt, 'scheduled', { dueAt: document.dueAt ?? createdAt })
      : entry(createdAt, 'omitted', { reason: omittedFor ?? document.reason ?? null, freeAt });
  const retriedBy = (document.retriedBy ?? {}) as Fields;
  const rest = [
    ...byTime(document.retries).map(([at, dueAt]) =>
      entry(at, 'retried', { dueAt, by: retriedBy[at] ?? null }),
    ),
    ...attemptsOf(document).map(attemptEntry),
    ...byTime(document.failures).map(([at, reason]) => entry(at, 'error', { reason })),
    ...(status === 'processed' ? [entry(finishedAt, 'processed', {})] : []),
  ];
  // Sorting is stable: of one moment a retry comes before its attempt, and that before what it came to.
  return [born, ...rest.toSorted((a, b) => (String(a.at) < String(b.at) ? -1 : Number(a.at !== b.at)))];
}

function attemptEntry(attempt: Fields): Fields {
  const facts = Object.fromEntries(OF_ATTEMPT.map((field) => [field, attempt[field] ?? null]));
  return entry(attempt.startedAt ?? null, 'attempt', { number: attempt.number ?? null, ...facts });
}

function entry(at: Value, type: string, rest: Fields): Fields {
  return { at, type, ...rest };
}

function byTime(map: Value | undefined): [string, Value][] {
  return Object.entries((map ?? {}) as Fields);
}
