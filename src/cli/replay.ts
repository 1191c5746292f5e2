// hooklane replay: rebuilds read models from the log, beside the live ones, or only compares them.

import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { projections } from '../projections/all.ts';
import type { ReplayedView } from '../projections/replay.ts';
import { CommandFailed } from './failed.ts';
import { note, printJson } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';
import { stopSignal } from './stopped.ts';
import { printTable } from './table.ts';
import { withApi } from './with-api.ts';

export function registerReplay(program: Command): void {
  program
    .command('replay')
    .description('rebuild read models from the log, beside the live ones; sends nothing')
    .addArgument(new Argument('[view...]', 'which (default: all)').choices(names()))
    .option('--verify', 'only compare a rebuilt view with the live one; exit code 1 if they differ')
    .option('--json', 'print one JSON document')
    .addOption(new Option('--from <time>').hideHelp().argParser(refuseRange))
    .addOption(new Option('--until <time>').hideHelp().argParser(refuseRange))
    .addHelpText('after', '\nExample:\n  $ hooklane replay deliveries --verify')
    .action(replay);
}

/** A document is made of all its events: from a part of them it would come out wrong. */
function refuseRange(): never {
  throw new InvalidArgumentError(
    'A read model made from a part of the log would be wrong, so it is always rebuilt from all of it; to see a part, use --since and --until of the lists.',
  );
}

function names(): string[] {
  return projections.map(({ definition }) => definition.name);
}

async function replay(
  views: string[],
  { verify = false, json }: { verify?: boolean; json?: true },
): Promise<void> {
  const replayed = await withApi(async (api) => {
    const signal = stopSignal();
    try {
      return await api.replay({ views, verify }, { onProgress: createWatch(), signal });
    } catch (error) {
      if (error !== signal.reason) throw error;
      throw new CommandFailed('stopped: read models that were not done are as they were', { cause: error });
    } finally {
      clearProgress();
    }
  });
  const items = replayed.map(({ view, events, seconds, documents, differences = 0 }) =>
    verify ? { view, documents, differences } : { view, events, seconds },
  );
  if (json) printJson({ items, cursor: null });
  else printTable(items, verify ? ['view', 'documents', 'differences'] : ['view', 'events', 'seconds'], '');
  const different = replayed.filter(({ differences = 0 }) => differences > 0);
  if (different.length > 0)
    throw new CommandFailed(`differs from its log: ${different.map(({ view }) => view).join(', ')}`);
}

/** Draws how far it is with the view that it is at, and tells of what differs in those that are done. */
function createWatch(): (views: readonly ReplayedView[]) => void {
  let done = 0;
  let drawn: { view: string; draw: (done: number, total: number) => void } | undefined;
  return (views) => {
    for (let next = views[done]; next?.seconds !== undefined; next = views[++done]) tellDifferences(next);
    const now = views[done];
    if (now === undefined) return;
    if (drawn?.view !== now.view) drawn = { view: now.view, draw: progressOf(now.view) };
    drawn.draw(now.events, now.total);
  };
}

function tellDifferences({ view, examples = [] }: ReplayedView): void {
  clearProgress();
  for (const { id, live, rebuilt } of examples)
    note(`${view} ${id}\n  live:    ${live ?? 'is missing'}\n  rebuilt: ${rebuilt ?? 'is missing'}`);
}
