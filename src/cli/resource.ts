// What commands on one kind of thing have in common: list, show, and changes whose answer is printed.

import { type Command, Option } from 'commander';
import type { Operation } from '../command/admin/operations.ts';
import type { NamedKind } from '../query/filters.ts';
import { DEFAULT_LIMIT, type Filters, type Page } from '../query/queries.ts';
import { RESOURCES, type ResourceName } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import type { Api } from './api.ts';
import { note, printCsv, printFields, printJson } from './output.ts';
import { printTable } from './table.ts';
import { withApi } from './with-api.ts';

/** What each filter of a list may be, for --help. */
const FILTERS: Readonly<Record<string, [flags: string, description: string]>> = {
  by: ['--by <who>', 'only by root, start, cli, cli:<user>, or a token (id or name)'],
  org: ['--org <organization>', 'only of this organization (id or name)'],
  project: ['--project <project>', 'only of this project (id or name)'],
  integration: ['--integration <integration>', 'only of this integration (id or name)'],
  endpoint: ['--endpoint <endpoint>', 'only of this endpoint (id or URL)'],
  status: ['--status <status>', 'only in this status'],
  event: ['--event <kind>', 'only of this kind, or pattern (log.*)'],
  code: ['--code <code>', 'only answered with this code, or class (5xx)'],
  error: ['--error <code>', 'only where the last attempt failed so: status, timeout, dns, refused, …'],
  host: ['--host <host>', 'only sent to this host'],
  level: ['--level <level>', 'only of this level'],
  environment: ['--environment <name>', 'only of this environment'],
  release: ['--release <name>', 'only of this release'],
  fingerprint: ['--fingerprint <fingerprint>', 'only the same error'],
  search: ['--search <words>', 'only with all of these words in the message'],
  since: ['--since <time>', 'from then on: an age (1h) or a time (2026-01-31T12:00:00Z)'],
  until: ['--until <time>', 'before then'],
};

/** Adds `list` for a resource, with all its filters. */
export function addList(
  parent: Command,
  resource: ResourceName,
  columns: readonly string[],
  example: string,
): void {
  const { noun, filters, summary } = RESOURCES[resource];
  const list = parent.command('list').description(`list ${plural(noun)}, newest first`);
  addPages(addFilters(list, Object.keys(filters)), {
    ask: (api, asked) => fullPage(api, resource, asked),
    columns,
    fields: Object.keys(summary({ id: '' })),
    empty: `No ${plural(noun)} here.`,
    example,
  });
}

/** What a command that lists asks for, and how it prints that. */
export interface Listing {
  ask(api: Api, filters: Filters): Promise<Page>;
  /** Of the table for people. */
  columns: readonly string[];
  /** Of CSV: all there are. */
  fields: readonly string[];
  /** An item as people are shown it; missing: as it is. */
  row?: (item: Item) => object;
  /** What is said where there is nothing. */
  empty: string;
  example: string;
}

/** Makes a command list, page by page, as a table, JSON or CSV. */
export function addPages(command: Command, { ask, columns, fields, row, empty, example }: Listing): void {
  command
    .option('--limit <count>', 'how many at most, 1 to 200 (default: 50)')
    .option('--cursor <cursor>', 'go on where the page before ended')
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .option('--csv', 'print CSV for a spreadsheet')
    .addHelpText('after', `\nExample:\n  $ hooklane ${example}`)
    .action(async ({ json, csv, ...options }: ListOptions) => {
      const page = await withApi((api) => ask(api, filtersOf(options)));
      if (json) {
        printJson(page);
        return;
      }
      if (csv) printCsv(page.items, fields);
      else
        printTable(
          row === undefined ? page.items : page.items.map(row),
          columns,
          page.cursor === null ? empty : '',
        );
      if (page.cursor !== null) note(`${moreThan(page, options)}: --cursor ${page.cursor}`);
    });
}

/** How long it is looked for what is rare. */
const LOOKED_FOR_MS = 10_000;

/** Looks further where little was found: for one page only so many are looked at (query/queries.ts). */
async function fullPage(api: Api, resource: ResourceName, filters: Filters): Promise<Page> {
  const untilMs = performance.now() + LOOKED_FOR_MS;
  let { items, cursor } = await api.list(resource, filters);
  while (cursor !== null && items.length < limitOf(filters) && performance.now() < untilMs) {
    const limit = String(limitOf(filters) - items.length);
    const next = await api.list(resource, { ...filters, limit, cursor });
    items = [...items, ...next.items];
    cursor = next.cursor;
  }
  return { items, cursor };
}

function moreThan({ items }: Page, filters: Filters): string {
  return items.length < limitOf(filters) ? 'There may be older ones' : 'There are more';
}

function limitOf({ limit = String(DEFAULT_LIMIT) }: Filters): number {
  return Number(limit);
}

/** Options of a command that lists or counts: how it prints, and filters. */
export type ListOptions = Record<string, string> & { json?: true; csv?: true };

/** The filters among a command's options: without which server is asked. */
export function filtersOf({ url: _, token: __, ...filters }: Record<string, string>): Filters {
  return filters;
}

/** Adds an option for each of these filters. */
export function addFilters(command: Command, filters: readonly string[]): Command {
  for (const name of filters) {
    const option = FILTERS[name];
    if (option === undefined) throw new Error(`the filter ${name} has no option`);
    command.option(...option);
  }
  return command;
}

function plural(noun: string): string {
  return noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}

/** Adds `show ID` for a resource. `print` is for people. */
export function addShow(
  parent: Command,
  resource: ResourceName,
  example: string,
  print: (item: Record<string, unknown>) => void = printFields,
): void {
  const { noun } = RESOURCES[resource];
  parent
    .command('show')
    .description(`show one ${noun} with all that is known of it`)
    .argument('<id>', `the ${noun}`)
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  $ hooklane ${example}`)
    .action(async (id: string, { json }: { json?: true }) => {
      const item = await withApi((api) => api.show(resource, id));
      if (json) printJson(item);
      else print(item);
    });
}

/** Makes a change, and prints the answer. `operation` may look names up first. */
export async function change(
  operation: (api: Api) => Operation | Promise<Operation>,
  { json }: { json?: true },
): Promise<void> {
  const answer = await withApi(async (api) => api.perform(await operation(api)));
  if (json) printJson(answer);
  else printFields(answer);
}

/** A change of one thing that is there already, by its name or id. */
export interface NamedChange {
  command: string;
  description: string;
  kind: NamedKind;
  /** What the thing may be called in the example. */
  example: string;
  operation: (id: string) => Operation;
}

/** Adds a command that changes one thing. */
export function addChange(
  parent: Command,
  { command, description, kind, example, operation }: NamedChange,
): void {
  parent
    .command(command)
    .description(description)
    .argument(`<${kind}>`, `its id or ${kind === 'endpoint' ? 'URL' : 'name'}`)
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  $ hooklane ${parent.name()} ${command} ${example}`)
    .action((name: string, options) =>
      change(async (api) => operation(await api.resolve(kind, name)), options),
    );
}
