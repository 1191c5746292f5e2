// What a verification comes to: what was checked, how often, and what was found to be wrong. Pure.

import type { Topic } from '../events.ts';
import { timeOf } from '../ids.ts';
import type { Position } from '../log/log.ts';
import { type IdKey, portionOf } from './id-table.ts';

/** The checks, by their names, and what each of them holds the log to. */
export const CHECKS = {
  records: 'each inbound webhook has become one log or deploy, or an error',
  webhooks: 'each trigger has become one webhook for each endpoint that subscribed to it',
  transitions: 'webhooks go from state to state as they may; again from an end only when it was asked for',
  attempts: 'attempts are numbered without holes; one without outcome was over before the next',
  gaps: 'no two requests to one endpoint started closer together than its gap',
  digests: 'a digest tells what was omitted for it, once',
  order: 'triggers of an organization took effect in the order of the log',
  ids: 'no id is given twice',
  places: 'each event stands in the partition of its key, behind the one before it',
} as const;
export type Check = keyof typeof CHECKS;

/** How many findings may be asked for. */
export const MOST_FINDINGS = 10_000;

/** Something that must not be, and where it shows. */
export interface Finding {
  check: Check;
  topic: Topic;
  partition: number;
  offset: number;
  /** For people: what is wrong, with the ids. */
  message: string;
  /** The ids that it is about, by field: `webhookId`, `endpointId`, … */
  [id: `${string}Id`]: string;
}

export interface Report {
  /** Events that were looked at. */
  events: number;
  /** `checked`: of what `about` speaks. */
  checks: { name: Check; about: string; checked: number; findings: number }[];
  /** The first ones. */
  findings: Finding[];
  open: Open;
}

/** What is nothing wrong, and not settled. */
export interface Open {
  /** Inbound webhooks that the recorder has not reached, or whose organization is being imported. */
  toRecord: number;
  /** Webhooks of triggers that the dispatcher has not reached, or whose organization is being imported. */
  toDispatch: number;
  /** Webhooks that are pending. */
  pending: number;
  /** How often a clock was put back, as the times of an organization's events tell: no gap is judged across that. */
  clocksPutBack: number;
}

export interface Findings {
  checked(check: Check): void;
  found(check: Check, at: Position, message: string, ids?: Readonly<Record<`${string}Id`, string>>): void;
  report(): Omit<Report, 'events' | 'open'>;
}

/** Counts all, and keeps the first `limit` findings. */
export function createFindings(limit: number): Findings {
  const counts = new Map<Check, { checked: number; findings: number }>();
  for (const name of Object.keys(CHECKS)) counts.set(name as Check, { checked: 0, findings: 0 });
  const kept: Finding[] = [];
  const countOf = (check: Check) => counts.get(check) ?? { checked: 0, findings: 0 };
  return {
    checked(check) {
      countOf(check).checked++;
    },
    found(check, { topic, partition, offset }, message, ids = {}) {
      countOf(check).findings++;
      if (kept.length < limit) kept.push({ check, topic, partition, offset, message, ...ids });
    },
    report: () => ({
      checks: [...counts].map(([name, count]) => ({ name, about: CHECKS[name], ...count })),
      findings: kept,
    }),
  };
}

/** What the checks of one sweep over the log share. */
export interface Sweep {
  findings: Findings;
  open: Open;
  /** Whether an id is looked at in this sweep: a long log is swept several times, for a portion of all ids each time. */
  isMine(key: IdKey): boolean;
  /** Whether what is told of an id may have been pruned: it is not judged for what is missing. */
  isOld(id: string): boolean;
}

export interface SweepOptions {
  findings: Findings;
  open: Open;
  /** Before this time history may be gone, in milliseconds since 1970; 0: none is. */
  horizonMs: number;
  portion: number;
  portions: number;
}

export function createSweep({ findings, open, horizonMs, portion, portions }: SweepOptions): Sweep {
  return {
    findings,
    open,
    isMine: (key) => portionOf(key, portions) === portion,
    isOld: (id) => horizonMs > 0 && timeOf(id) < horizonMs,
  };
}
