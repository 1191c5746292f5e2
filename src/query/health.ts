// Whether Hooklane is well, judged by its status. Pure. `unhealthy` is what somebody has to see to now; a `warning` is
// what mostly is a subscriber's affair, or makes the status tell less.

import { BY_OPERATOR } from '../settings.ts';
import { formatDuration } from '../time.ts';
import type { Facts } from './facts.ts';
import { OVERDUE_MS } from './lanes.ts';

/** Events may wait so long for the recorder, the dispatcher or the projector. */
export const MOST_LAG_MS = 60_000;

export interface StatusProblem {
  level: 'unhealthy' | 'warning';
  /** Stable, for scripts. */
  what: 'no-server' | 'ahead' | 'lag' | 'overdue' | 'importing' | 'endpoints' | 'incomplete';
  /** For people. */
  detail: string;
}

/** What is wrong, the worst first. */
export function judge(facts: Facts): StatusProblem[] {
  const problems = facts.serving ? [...late(facts), ...overdue(facts)] : unserved(facts);
  return [...foreign(facts), ...problems, ...moving(facts), ...ailing(facts), ...incomplete(facts)];
}

function foreign({ ahead }: Facts): StatusProblem[] {
  if (ahead.length === 0) return [];
  const detail = `${ahead.join(', ')}: read further than the log goes, so made from another one, and what comes is not shown: stop Hooklane and delete the read models, they are rebuilt from the log`;
  return [{ level: 'unhealthy', what: 'ahead', detail }];
}

/** Without a server all of it is late: that is one thing, not several. */
function unserved({ groups, timers }: Facts): StatusProblem[] {
  const lagOf = (group: string) =>
    groups.filter((one) => one.group === group).reduce((sum, { lag }) => sum + lag, 0);
  const waits = [
    some(lagOf('recorder'), 'event', 'to be recorded'),
    some(lagOf('dispatcher'), 'event', 'to be dispatched'),
    some(timers.inFlight + timers.due + timers.withinMinute + timers.later, 'webhook', 'to be sent'),
  ].filter((text) => text !== undefined);
  if (waits.length === 0) return [];
  const detail = `no server works the log off, and this waits: ${waits.join(', ')}; start hooklane serve`;
  return [{ level: 'unhealthy', what: 'no-server', detail }];
}

function some(count: number, noun: string, purpose: string): string | undefined {
  return count === 0 ? undefined : `${count} ${noun}${count === 1 ? '' : 's'} ${purpose}`;
}

function late({ groups }: Facts): StatusProblem[] {
  return groups
    .filter(({ lagMs }) => (lagMs ?? 0) > MOST_LAG_MS)
    .map(({ group, topic, lag, lagMs }) => ({
      level: 'unhealthy',
      what: 'lag',
      detail: `the ${group} is ${inWords(lagMs ?? 0)} behind in ${topic}, by ${lag} events; more than ${formatDuration(MOST_LAG_MS)} is too much`,
    }));
}

function overdue({ timers }: Facts): StatusProblem[] {
  if (timers.longestOverdue === null) return [];
  const { since, endpointId } = timers.longestOverdue;
  const endpoints = timers.overdue === 1 ? '1 endpoint' : `${timers.overdue} endpoints`;
  const detail = `what was to be sent to ${endpoints} more than ${formatDuration(OVERDUE_MS)} ago still waits, longest for ${endpointId} since ${since}: no dispatcher runs, or it has too much to do`;
  return [{ level: 'unhealthy', what: 'overdue', detail }];
}

function moving({ importing }: Facts): StatusProblem[] {
  const told = some(importing, 'organization', 'being imported');
  if (told === undefined) return [];
  const detail = `${told}: nothing of it is sent before that has come to its end; an import that was cut off is to be run again`;
  return [{ level: 'warning', what: 'importing', detail }];
}

function ailing({ endpoints }: Facts): StatusProblem[] {
  const { failing, worst } = endpoints;
  const disabled = worst.filter(
    ({ status, disabledReason }) => status === 'disabled' && byUs(disabledReason),
  );
  const told = [
    some(failing, 'endpoint', 'failing'),
    disabled.length === 0 ? undefined : `${disabled.map(({ endpointId }) => endpointId).join(', ')} disabled`,
  ].filter((text) => text !== undefined);
  if (told.length === 0) return [];
  return [{ level: 'warning', what: 'endpoints', detail: told.join('; ') }];
}

/** What an operator has disabled is as he wants it. */
function byUs(reason: string | null): boolean {
  return reason !== null && reason !== BY_OPERATOR;
}

function incomplete({ complete }: Facts): StatusProblem[] {
  if (complete) return [];
  const detail = 'not all lanes could be read in time: lanes, timers and endpoints are at least what is told';
  return [{ level: 'warning', what: 'incomplete', detail }];
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A length of time for people, in its two greatest units: `2h 5m`. */
export function inWords(ms: number): string {
  const at = UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  if (at === -1) return `${Math.max(0, Math.round(ms))}ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, unitMs] of UNITS.slice(at, at + 2)) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.join(' ');
}
