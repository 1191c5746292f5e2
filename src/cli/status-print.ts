// The status for people: all of it, or as one line.

import { styleText } from 'node:util';
import type { Behind, OldestPending } from '../query/facts.ts';
import { inWords } from '../query/health.ts';
import type { Status } from '../query/status.ts';
import { readableSize } from '../size.ts';
import { print, printFields } from './output.ts';
import { printTable } from './table.ts';

/** Where the stores are looked at their directory, where a server is asked its URL. */
export type Shown = Status & { dataDirectory?: string; url?: string };

export function printStatus(status: Shown): void {
  const { dataDirectory, url, serving, healthy, at, lanes, logs, logBytes, viewsBytes, countedTo } = status;
  const counted = (count: number) => (count === countedTo ? `${count} or more` : count);
  const { topics, groups, views, deliveries, laneStates, timers, endpoints, problems } = status;
  print(healthy ? styleText('green', 'healthy') : styleText('red', 'unhealthy'));
  for (const { level, detail } of problems)
    print(`${styleText(level === 'warning' ? 'yellow' : 'red', level)}  ${detail}`);
  print();
  const sizes = { logSize: readableSize(logBytes), viewsSize: readableSize(viewsBytes) };
  printFields({ at, url, dataDirectory, serving, logs: counted(logs), ...sizes });

  heading('topics');
  const told = topics.map((topic) => ({
    ...topic,
    size: topic.bytes === null ? null : readableSize(topic.bytes),
  }));
  const size = topics.some((topic) => topic.bytes !== null) ? ['size'] : [];
  printTable(told, ['topic', 'partitions', 'events', ...size], '');
  heading('groups');
  printTable(groups.map(readable), ['group', 'topic', 'lag', 'behind'], '');
  const behind = views.filter(({ lag }) => lag > 0);
  if (behind.length > 0) {
    heading('read models that are behind');
    printTable(behind.map(readable), ['view', 'lag', 'behind'], '');
  }
  const counts = Object.entries(deliveries).map(([name, count]) => [name, counted(count)]);
  row('deliveries', Object.fromEntries(counts));
  if (status.oldestPending !== null) print(`oldest pending: ${oldest(status.oldestPending)}`);
  row('lanes', { all: lanes, ...laneStates });
  const { longestOverdue, ...due } = timers;
  row('webhooks that wait', due);
  if (longestOverdue !== null) print(`overdue since ${longestOverdue.since}: ${longestOverdue.endpointId}`);
  const { worst, active, failing, disabled } = endpoints;
  row('endpoints', { active, failing, disabled });
  if (worst.length > 0)
    printTable(worst, ['endpointId', 'status', 'failingSince', 'disabledReason?', 'url'], '');
}

/** As one line, for what is piped. */
export function statusLine(status: Status): string {
  const { at, healthy, groups, deliveries, timers, endpoints, problems } = status;
  const lags = groups.map(({ group, topic, lag }) => `${group}/${topic}=${lag}`);
  const counts = [
    `pending=${deliveries.pending}`,
    `inFlight=${timers.inFlight}`,
    `due=${timers.due}`,
    `overdue=${timers.overdue}`,
    `failing=${endpoints.failing}`,
  ];
  const why = problems.map(({ level, what }) => `${level}:${what}`);
  return [at, healthy ? 'healthy' : 'unhealthy', ...lags, ...counts, ...why].join(' ');
}

function readable<T extends Behind>({ lag, exact, lagMs, ...rest }: T) {
  return { ...rest, lag: exact ? lag : `≤${lag}`, behind: lagMs === null ? null : inWords(lagMs) };
}

function oldest({ id, endpointId, ageMs }: OldestPending): string {
  return `${id} for ${endpointId}, ${inWords(ageMs)} old`;
}

/** A heading, and below it what it is about in one row. */
function row(name: string, fields: object): void {
  heading(name);
  printTable([fields], Object.keys(fields), '');
}

function heading(text: string): void {
  print(`\n${styleText('bold', text)}`);
}
