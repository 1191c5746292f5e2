// hooklane logs: the errors and events that integrations reported.

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { harmless, paint, print, printFields } from './output.ts';
import { addList, addShow } from './resource.ts';
import { addTail } from './tail.ts';

export function registerLogs(program: Command): void {
  const logs = program.command('logs').description('logs: the errors and events that were reported');
  const columns = ['id', 'level', 'message', 'receivedAt', 'type?', 'environment?', 'fingerprint?'];
  addList(logs, 'logs', columns, 'logs list --project shop --level error --since 1h');
  addShow(logs, 'logs', 'logs show log_…', showLog);
  addTail(logs, {
    what: 'logs',
    line: ({ receivedAt, level, id, message }) =>
      `${receivedAt}  ${paint('level', level)}  ${id}  ${harmless(String(message))}`,
    example: 'logs tail',
  });
}

function showLog({ stack, ...facts }: Record<string, unknown>): void {
  printFields(facts);
  if (typeof stack === 'string') print(`\n${styleText('bold', 'stack')}\n${harmless(stack)}`);
}
