// hooklane deliveries stats: counts, success rates and latencies, with a bar for each row.

import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { RESOURCES } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import { DEFAULT_SINCE, STATS_COLUMNS } from '../query/stats.ts';
import { print, printCsv, printJson } from './output.ts';
import { addFilters, filtersOf, type ListOptions } from './resource.ts';
import { printTable } from './table.ts';
import { withApi } from './with-api.ts';

/** Characters of the longest bar. */
const BAR_WIDTH = 24;
/** Rows that people are shown. */
const MAX_SHOWN = 60;

const COLUMNS = ['deliveries', 'processed', 'error', 'omitted', 'pending', 'success', 'p50', 'p95', 'p99'];

export function addStats(deliveries: Command): void {
  const stats = deliveries
    .command('stats')
    .description('count deliveries, with success rate and latency of attempts')
    .option('--by <what>', 'endpoint, event or hour (default: endpoint)');
  addFilters(stats, Object.keys(RESOURCES.deliveries.filters))
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .option('--csv', 'print CSV for a spreadsheet')
    .addHelpText(
      'after',
      `\nOf the last ${DEFAULT_SINCE} unless --since says otherwise. Latencies are of single attempts, to two digits.` +
        '\n\nExample:\n  $ hooklane deliveries stats --by hour --org acme',
    )
    .action(async ({ json, csv, ...options }: ListOptions) => {
      const answer = await withApi((api) => api.stats(filtersOf(options)));
      if (json) printJson(answer);
      else if (csv) printCsv(answer.items, STATS_COLUMNS);
      else printChart(answer);
    });
}

function printChart({ by, items, total }: { by: string; items: readonly Item[]; total: Item }): void {
  const most = Math.max(...items.map((item) => Number(item.total)));
  const shown = by === 'hour' ? items.slice(-MAX_SHOWN) : items.slice(0, MAX_SHOWN);
  const rows = [...shown, ...(items.length > 1 ? [total] : [])].map((item) => ({
    [by]: item.key,
    '': item === total ? '' : barOf(item, most),
    deliveries: item.total,
    ...item,
    success: item.successRate === null ? '' : `${(100 * Number(item.successRate)).toFixed(1)} %`,
    p50: latencyOf(item.p50Ms),
    p95: latencyOf(item.p95Ms),
    p99: latencyOf(item.p99Ms),
  }));
  printTable(rows, [by, '', ...COLUMNS], 'No deliveries here in this time.');
  if (shown.length < items.length) print(styleText('dim', `… of ${items.length}: --json or --csv has all`));
}

/** `█` for what was delivered, `▒` for what was not. */
function barOf({ total, processed }: Item, most: number): string {
  const width = Math.max(1, Math.round((BAR_WIDTH * Number(total)) / most));
  const good = Math.round((width * Number(processed)) / Math.max(1, Number(total)));
  return '█'.repeat(good) + '▒'.repeat(width - good);
}

function latencyOf(ms: unknown): string {
  return typeof ms === 'number' ? `${ms} ms` : '';
}
