// hooklane import: an organization out of a file into the log. Sends nothing that was sent before.

import { randomUUID } from 'node:crypto';
import { accessSync, constants, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { masterKeysIfThere, openSecretBox } from '../keys.ts';
import { LogUnavailable } from '../log/log.ts';
import { openLog } from '../open.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { type Imported, importOrganization } from '../transfer/import.ts';
import { CommandFailed } from './failed.ts';
import { ensureKeysFitLog } from './master-key.ts';
import { operator } from './operator.ts';
import { fileFailed } from './options.ts';
import { note, printJson } from './output.ts';
import { clearProgress, showProgress } from './progress.ts';
import { createRemoteApi } from './remote-api.ts';
import { remoteServer } from './remote-server.ts';
import { printTable } from './table.ts';

export function registerImport(program: Command): void {
  program
    .command('import')
    .description('take an organization over from another installation; sends nothing again')
    .argument('<file...>', 'what `hooklane export` has written, or - for stdin')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ hooklane import acme.ndjson\n  $ hooklane import export/*.ndjson\n\n' +
        'One that was cut off is run again: it goes on where it stopped.\n' +
        'The master key must be the one of where the file comes from.',
    )
    .action(runImport);
}

async function runImport(files: string[], { json }: { json?: true }): Promise<void> {
  const items: Imported[] = [];
  try {
    const served = await withTarget(async (target) => {
      for (const file of files) {
        const imported = await importFile(file, target);
        items.push(imported);
        for (const line of remarksOn(imported)) note(line);
      }
      return target.served();
    });
    if (!served) note('What is pending is sent, and posts are taken, when the server is started.');
  } finally {
    // Also of those before one that fails: they have moved.
    if (items.length > 0) printImported(items, json === true);
  }
}

function printImported(items: readonly Imported[], json: boolean): void {
  if (json) printJson({ items, cursor: null });
  else
    printTable(
      items,
      ['organization', 'inbound', 'organizations', 'outbound', 'pending', 'waiting', 'unrecorded'],
      '',
    );
}

function remarksOn({ organization, wasThere, resumed, serving }: Imported): string[] {
  const of = JSON.stringify(organization);
  return [
    ...(wasThere ? [`${of} was imported from this file before: there was nothing left to do.`] : []),
    ...(resumed ? [`${of}: went on with an import that had been cut off.`] : []),
    ...(serving
      ? [`${of} was exported beside a running server: what came there later is not in the file.`]
      : []),
  ];
}

/** Where organizations are imported. */
interface Target {
  /** Rejects with TransferRefused, or LogUnavailable: then the same import is to be made again. */
  import(file: string, onProgress: (step: string, bytes: number) => void): Promise<Imported>;
  served(): Promise<boolean>;
}

async function withTarget<T>(work: (target: Target) => Promise<T>): Promise<T> {
  const server = remoteServer(process.env);
  if (server === undefined) return withLog(loadConfig(process.env), work);
  const api = await createRemoteApi(server);
  return work({
    import: (file, onProgress) => api.import(file, (bytes) => onProgress('sending', bytes)),
    served: api.served,
  });
}

/** The log of this configuration. Read models are not needed, and are not made. */
async function withLog<T>(config: Config, work: (target: Target) => Promise<T>): Promise<T> {
  const masterKeys = masterKeysIfThere(config);
  if (masterKeys === undefined) {
    throw new CommandFailed(
      `there is no master key in ${config.dataDirectory}, and another one than that of where the file comes from ` +
        'would be of no use: put its file master-key there, or set HOOKLANE_MASTER_KEY',
    );
  }
  const log = await openLog(config, { serve: false });
  try {
    const secrets = openSecretBox(config, masterKeys);
    await ensureKeysFitLog(log, secrets, Date.now());
    return await work({
      import: (file, onProgress) =>
        withFile(file, (path) =>
          importOrganization({
            ...{ log, path, secrets, nowMs: Date.now(), runId: randomUUID(), onProgress },
            by: operator().by,
          }),
        ),
      served: log.served,
    });
  } finally {
    await log.close();
  }
}

/** Throws CommandFailed. */
async function importFile(file: string, target: Target): Promise<Imported> {
  const total = file === '-' ? undefined : sizeOf(file);
  try {
    return await target.import(file, (step, bytes) => showProgress(`${step} ${file} (bytes)`, bytes, total));
  } catch (error) {
    if (error instanceof TransferRefused)
      throw new CommandFailed(`${file}: ${error.message}`, { cause: error });
    if (!(error instanceof LogUnavailable)) throw error;
    throw new CommandFailed(`${error.message}; run the same import again: it goes on where it stopped`, {
      cause: error,
    });
  } finally {
    clearProgress();
  }
}

/** Throws CommandFailed where it cannot be read. */
function sizeOf(file: string): number {
  try {
    accessSync(file, constants.R_OK);
    const found = statSync(file);
    if (found.isDirectory())
      throw new CommandFailed(`${file} cannot be read: it is a directory; name the files in it`);
    return found.size;
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    throw fileFailed(`${file} cannot be read`, error);
  }
}

/** A path that can be read twice: stdin goes to a file that only we may read, and that is taken away afterwards. */
async function withFile<T>(file: string, work: (path: string) => Promise<T>): Promise<T> {
  if (file !== '-') return work(file);
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-import-'));
  try {
    const path = join(directory, 'stdin.ndjson');
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }));
    return await work(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
