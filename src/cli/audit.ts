// hooklane audit: who has changed what, newest first.

import { type Command, Option } from 'commander';
import { AUDIT_FILTERS, auditEntry } from '../query/audit.ts';
import type { Item } from '../query/shapes.ts';
import { note, printCsv, printJson, printTable } from './output.ts';
import { addFilters, filtersOf, type ListOptions } from './resource.ts';
import { withApi } from './with-api.ts';

export function registerAudit(program: Command): void {
  const audit = program.command('audit').description('who has changed what, newest first');
  addFilters(audit, Object.keys(AUDIT_FILTERS))
    .option('--limit <count>', 'how many at most, 1 to 200 (default: 50)')
    .option('--cursor <cursor>', 'go on where the page before ended')
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .option('--csv', 'print CSV for a spreadsheet')
    .addHelpText('after', '\nExample:\n  $ hooklane audit --org acme --since 7d')
    .action(async ({ json, csv, ...options }: ListOptions) => {
      const page = await withApi((api) => api.audit(filtersOf(options)));
      if (json) {
        printJson(page);
        return;
      }
      if (csv) printCsv(page.items, Object.keys(auditEntry({ id: '' })));
      else
        printTable(
          page.items.map(rowOf),
          ['at', 'by', 'what', 'object', 'organization?', 'objectId?'],
          'Nothing was changed.',
        );
      if (page.cursor !== null) note(`There are more: --cursor ${page.cursor}`);
    });
}

/** An entry for people: names, where there are some. */
function rowOf({
  by,
  byName,
  objectId,
  objectName,
  organizationId,
  organizationName,
  ...item
}: Item): object {
  return {
    ...item,
    objectId,
    by: byName ?? by ?? 'not recorded',
    object: objectName ?? objectId,
    organization: organizationName ?? organizationId,
  };
}
