// hooklane export: the log of an organization as a file, for another installation to import.

import { once } from 'node:events';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { OrganizationId } from '../ids.ts';
import { type Counts, emptyCounts } from '../transfer/format.ts';
import type { Api } from './api.ts';
import { CommandFailed } from './failed.ts';
import { fileFailed } from './options.ts';
import { note, printJson } from './output.ts';
import { clearProgress, showProgress } from './progress.ts';
import { stopSignal } from './stopped.ts';
import { printTable } from './table.ts';
import { withApi } from './with-api.ts';

interface Options {
  org?: string;
  all?: true;
  out: string;
  json?: true;
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .description('write the log of an organization to a file, with all ids; its secrets stay sealed')
    .option('--org <organization>', 'the organization (id or name)')
    .option('--all', 'all organizations, each into a file of its own')
    .option(
      '--out <file>',
      'the file, which must not be there yet; with --all a directory; - for stdout',
      '-',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ hooklane export --org acme --out acme.ndjson\n  $ hooklane export --all --out export/\n\n' +
        'To move to other engines: see docs/operations.md.',
    )
    .action(runExport);
}

async function runExport(options: Options, command: Command): Promise<void> {
  const { org, all, out, json } = options;
  if ((org === undefined) === (all === undefined))
    command.error('name one organization with --org, or all of them with --all');
  if (out === '-' && all) command.error('--all needs a directory: --out <directory>');
  if (out === '-' && json) command.error('--json tells of files: name one with --out <file>');
  if (out === '-' && process.stdout.isTTY) command.error('name a file with --out, or pipe the output');
  const { items, serving } = await withApi(async (api) => {
    const signal = stopSignal();
    if (all) makeDirectory(out);
    const done = [];
    for (const organization of await chosen(api, org)) {
      const file = all ? join(out, `${organization.id}.ndjson`) : out;
      done.push(await exportTo(file, organization, { api, signal }));
    }
    return { items: done, serving: await api.served() };
  });
  if (serving) note('The server runs: what comes from now on is not in the file.');
  if (out === '-') return;
  if (json) printJson({ items, cursor: null });
  else
    printTable(
      items,
      ['organization', 'inbound', 'organizations', 'outbound', 'pending', 'waiting', 'unrecorded', 'file'],
      'There is no organization here.',
    );
}

interface Named {
  id: OrganizationId;
  name: string;
}

const PAGE = '200';

/** The organization that is named, or all of them. */
async function chosen(api: Api, org: string | undefined): Promise<Named[]> {
  const named = ({ id, name }: Record<string, unknown>): Named => ({
    id: String(id) as OrganizationId,
    name: String(name),
  });
  if (org !== undefined)
    return [named(await api.show('organizations', await api.resolve('organization', org)))];
  const all: Named[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await api.list('organizations', { limit: PAGE, ...(cursor && { cursor }) });
    all.push(...page.items.map(named));
    cursor = page.cursor;
  }
  return all.reverse();
}

interface Source {
  api: Api;
  /** Stops it. */
  signal: AbortSignal;
}

/** Writes one organization to a file, or to stdout for `-`. What did not come to its end is taken away. */
async function exportTo(file: string, organization: Named, source: Source) {
  const stream = file === '-' ? process.stdout : await create(file);
  try {
    const counts = await write(stream, organization, source);
    const serving = await source.api.served();
    return { organizationId: organization.id, organization: organization.name, ...counts, serving, file };
  } catch (error) {
    if (file !== '-') rmSync(file, { force: true });
    if (!source.signal.aborted) throw error;
    throw new CommandFailed('stopped: nothing was exported', { cause: error });
  }
}

/** Ends what it writes to, but for stdout. */
async function write(to: Writable, organization: Named, { api, signal }: Source): Promise<Counts> {
  const onProgress = (done: number, total?: number) =>
    showProgress(`exporting ${organization.name}${total === undefined ? ' (bytes)' : ''}`, done, total);
  const pieces = api.export(organization, { onProgress, signal });
  let counts = emptyCounts();
  try {
    await pipeline(
      async function* () {
        counts = yield* pieces;
      },
      to,
      { end: to !== process.stdout, signal },
    );
    return counts;
  } finally {
    clearProgress();
  }
}

/** The directory that is named for all of them. Throws CommandFailed. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw fileFailed(`${directory} is no directory, and cannot be made one`, error);
  }
}

/** A new file that only its owner may read, on disk when it is closed. Throws CommandFailed where there can be none. */
async function create(file: string): Promise<Writable> {
  const stream = createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true });
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFailed(`${file} cannot be made`, error);
    throw new CommandFailed(`${file} is there already: name another file, or remove it`, { cause: error });
  }
}
