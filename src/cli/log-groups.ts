// hooklane logs groups: the distinct errors, with how often, when first and when last.

import { type Command, Option } from 'commander';
import { GROUP_FILTERS, group } from '../query/groups.ts';
import { note, printCsv, printJson, printTable } from './output.ts';
import { addFilters, filtersOf, type ListOptions } from './resource.ts';
import { withApi } from './with-api.ts';

const COLUMNS = ['fingerprint', 'count', 'level', 'message', 'lastSeenAt', 'firstSeenAt?', 'type?'];

export function addGroups(logs: Command): void {
  const groups = logs
    .command('groups')
    .description('list distinct errors: logs of one fingerprint, the last seen first');
  addFilters(groups, Object.keys(GROUP_FILTERS))
    .option('--sort <order>', 'last, first (seen) or count (default: last)')
    .option('--limit <count>', 'how many at most, 1 to 200 (default: 50)')
    .option('--cursor <cursor>', 'go on where the page before ended')
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .option('--csv', 'print CSV for a spreadsheet')
    .addHelpText('after', '\nExample:\n  $ hooklane logs groups --project shop --sort count')
    .action(async ({ json, csv, ...options }: ListOptions) => {
      const page = await withApi((api) => api.groups(filtersOf(options)));
      if (json) {
        printJson(page);
        return;
      }
      if (csv) printCsv(page.items, Object.keys(group({ id: '' })));
      else printTable(page.items, COLUMNS, 'No groups of logs here.');
      if (page.cursor !== null) note(`There are more: --cursor ${page.cursor}`);
    });
}
