// hooklane logs: the errors and events that integrations reported.

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { addGroups } from './log-groups.ts';
import { goOn, harmless, harmlessLine, paint, print, printFields, type Row } from './output.ts';
import { addList, addShow } from './resource.ts';
import { printTable } from './table.ts';
import { addTail } from './tail.ts';

export function registerLogs(program: Command): void {
  const logs = program.command('logs').description('logs: the errors and events that were reported');
  const columns = ['id', 'level', 'message', 'receivedAt', 'type?', 'environment?', 'fingerprint?'];
  addList(logs, 'logs', columns, 'logs list --project shop --level error --since 1h');
  addShow(logs, 'logs', 'logs show log_…', showLog);
  addGroups(logs);
  addTail(logs, {
    what: 'logs',
    line: ({ receivedAt, level, id, message }) =>
      `${receivedAt}  ${paint('level', level)}  ${id}  ${harmlessLine(String(message))}`,
    example: 'logs tail',
  });
}

function showLog({ stack, deliveries, ...facts }: Record<string, unknown>): void {
  printFields(facts);
  if (typeof stack === 'string') print(`\n${styleText('bold', 'stack')}\n${harmless(stack)}`);
  printDeliveries(deliveries);
  goOn([`inbound show ${facts.inboundWebhookId}`, `logs list --fingerprint ${facts.fingerprint}`]);
}

/** The deliveries that tell of a log, and how to look at the newest of them. */
export function printDeliveries(deliveries: unknown): void {
  const rows: Row[] = Array.isArray(deliveries) ? deliveries : [];
  print(`\n${styleText('bold', 'deliveries')}`);
  printTable(rows, ['id', 'status', 'endpointId'], 'none: no endpoint subscribes to it');
  goOn(rows.slice(0, 1).map(({ id }) => `deliveries show ${id}`));
}
