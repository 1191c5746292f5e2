// hooklane replay: rebuilds read models from the log, beside the live ones, or only compares them.

import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { projections } from '../projections/all.ts';
import type { Projection } from '../projections/projection.ts';
import { compare, rebuild } from '../projections/rebuild.ts';
import { CommandFailed } from './failed.ts';
import { note, printJson, printTable } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';
import { type Stores, withStores } from './stores.ts';

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

async function replay(views: string[], { verify, json }: { verify?: true; json?: true }): Promise<void> {
  const chosen = projections.filter(
    ({ definition }) => views.length === 0 || views.includes(definition.name),
  );
  const items = await withStores(async (stores) => {
    const results = [];
    for (const projection of chosen) {
      results.push(verify ? await verifyView(projection, stores) : await rebuildView(projection, stores));
    }
    return results;
  });
  if (json) printJson({ items, cursor: null });
  else
    printTable(
      items,
      ['view', verify ? 'documents' : 'events', ...(verify ? ['differences'] : ['seconds'])],
      '',
    );
  const different = items.filter((item) => 'differences' in item && item.differences > 0);
  if (different.length > 0)
    throw new CommandFailed(`differs from its log: ${different.map(({ view }) => view).join(', ')}`);
}

async function rebuildView(projection: Projection, { log, views }: Stores) {
  const view = projection.definition.name;
  const startedMs = performance.now();
  const { events } = await rebuild(projection, { log, views, onProgress: progressOf(view) });
  clearProgress();
  return { view, events, seconds: Number(((performance.now() - startedMs) / 1_000).toFixed(2)) };
}

async function verifyView(projection: Projection, { log, views }: Stores) {
  const view = projection.definition.name;
  const { documents, differences, examples } = await compare(projection, {
    log,
    views,
    onProgress: progressOf(view),
  });
  clearProgress();
  for (const { id, live, rebuilt } of examples) {
    note(`${view} ${id}\n  live:    ${live ?? 'is missing'}\n  rebuilt: ${rebuilt ?? 'is missing'}`);
  }
  return { view, documents, differences };
}
