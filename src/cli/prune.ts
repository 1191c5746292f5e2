// hooklane prune: takes what is old out of the embedded log, beside a running server or without one.

import { type Command, InvalidArgumentError } from 'commander';
import { projections } from '../projections/all.ts';
import { type Pruned, prune } from '../projections/prune.ts';
import { InvalidQuery } from '../query/errors.ts';
import { parsePast } from '../query/filters.ts';
import { toIso } from '../time.ts';
import { CommandFailed } from './failed.ts';
import { operator } from './operator.ts';
import { note, printJson } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';
import { createRemoteApi } from './remote-api.ts';
import { remoteServer } from './remote-server.ts';
import { stopSignal } from './stopped.ts';
import { withStores } from './stores.ts';
import { printTable } from './table.ts';

export function registerPrune(program: Command): void {
  program
    .command('prune')
    .description('take old logs, inbound webhooks and deliveries out of the embedded log, for ever')
    .requiredOption('--before <age or time>', 'what was made before, as 90d or 2026-01-31', past)
    .option('--dry-run', 'change nothing, and say what would go')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ hooklane prune --before 90d --dry-run\n\n' +
        'Configuration stays, and so do the counts of log groups. It refuses while something old is still to be done.\n' +
        'Stopped in the middle, even killed, it is run again.',
    )
    .action(runPrune);
}

function past(text: string): number {
  try {
    return parsePast('before', text, Date.now());
  } catch (error) {
    if (!(error instanceof InvalidQuery)) throw error;
    throw new InvalidArgumentError('Allowed: an age such as 90d, or a time in the past such as 2026-01-31.');
  }
}

interface PruneCommandOptions {
  before: number;
  dryRun?: boolean;
  json?: true;
}

async function runPrune(options: PruneCommandOptions): Promise<void> {
  const { before: beforeMs, dryRun = false, json } = options;
  const what = { projections, beforeMs, dryRun, by: operator().by, clock: Date.now };
  const io = { onProgress: progressOf('pruning'), signal: stopSignal() };
  let items: readonly Pruned[];
  try {
    const server = remoteServer(process.env);
    items =
      server === undefined
        ? await withStores(({ log, views }) => prune({ log, views, ...what, ...io }))
        : await (await createRemoteApi(server)).prune({ before: toIso(beforeMs), dryRun }, io);
  } catch (error) {
    if (!io.signal.aborted) throw error;
    throw new CommandFailed('stopped: what has gone is gone; run it again for the rest', { cause: error });
  } finally {
    clearProgress();
  }
  const before = toIso(beforeMs);
  if (json) return printJson({ before, dryRun, items });
  printTable(items, ['topic', 'events', ...(dryRun ? [] : ['bytes'])], '');
  note(
    dryRun
      ? `Nothing was changed: this is what was made before ${before}.`
      : `What was made before ${before} is gone. log.db gets no smaller by it: what was freed is used again.`,
  );
}
