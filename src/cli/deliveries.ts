// hooklane deliveries: what was sent to whom, and what became of it.

import type { Command } from 'commander';
import { showDelivery } from './delivery-print.ts';
import { harmlessLine, paint, printJson } from './output.ts';
import { recover } from './recover.ts';
import { addList, addShow } from './resource.ts';
import { addStats } from './stats.ts';
import { printTable } from './table.ts';
import { addTail } from './tail.ts';
import { withApi } from './with-api.ts';

export function registerDeliveries(program: Command): void {
  const deliveries = program.command('deliveries').description('outbound webhooks and their attempts');
  const columns = [
    'id',
    'event',
    'status',
    'reason',
    'responseCode',
    'createdAt',
    'attemptCount?',
    'nextAttemptAt?',
    'endpointId?',
  ];
  addList(deliveries, 'deliveries', columns, "deliveries list --status error --event 'log.*' --since 1h");
  addShow(deliveries, 'deliveries', 'deliveries show wh_…', showDelivery);
  deliveries
    .command('retry')
    .description('try webhooks again that are in error or omitted')
    .argument('<id...>', 'the deliveries')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane deliveries retry wh_…')
    .action(retry);
  deliveries
    .command('recover')
    .description('try everything again that an endpoint missed, at the pace of its gap, oldest first')
    .requiredOption('--endpoint <endpoint>', 'the endpoint (id or URL)')
    .requiredOption('--since <time>', 'from then on: an age (1h) or a time (2026-01-31T12:00:00Z)')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nWhat is in error or omitted becomes pending again. It goes on when this command is stopped.' +
        '\n\nExample:\n  $ hooklane deliveries recover --endpoint ep_… --since 2h',
    )
    .action(recover);
  addStats(deliveries);
  addTail(deliveries, {
    what: 'deliveries',
    line: ({ createdAt, id, event, status, reason, responseCode, url }) =>
      [createdAt, id, event, paint('status', status), reason ?? responseCode ?? '', harmlessLine(String(url))]
        .map(String)
        .join('  '),
    example: 'deliveries tail --json',
  });
}

async function retry(ids: string[], { json }: { json?: true }): Promise<void> {
  const items = await withApi((api) => api.retry(ids));
  if (json) printJson({ items, cursor: null });
  else printTable(items, ['id', 'status'], '');
}
