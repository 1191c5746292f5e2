// hooklane status: how it stands, at a glance.

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { projections } from '../projections/all.ts';
import { readStatus } from '../query/status.ts';
import { print, printFields, printJson, printTable } from './output.ts';
import { withStores } from './stores.ts';

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('topics, lag of each group, lanes, deliveries, sizes')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane status')
    .action(status);
}

async function status({ json }: { json?: true }): Promise<void> {
  const { serving, dataDirectory, ...found } = await withStores(async ({ config, log, views }) => ({
    serving: await log.served(),
    dataDirectory: config.dataDirectory,
    ...(await readStatus(
      log,
      views,
      projections.map(({ definition }) => definition),
    )),
  }));
  if (json) {
    printJson({ serving, dataDirectory, ...found });
    return;
  }
  const { topics, groups, deliveries, ...rest } = found;
  printFields({ dataDirectory, serving, ...rest });
  heading('topics');
  printTable(topics, ['topic', 'partitions', 'events'], '');
  heading('groups');
  printTable(groups, ['group', 'topic', 'lag'], '');
  heading('deliveries');
  printFields(deliveries);
}

function heading(text: string): void {
  print(`\n${styleText('bold', text)}`);
}
