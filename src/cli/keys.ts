// hooklane keys: the master keys, by their ids. Rotation makes a new one and seals all secrets under it; killed in the middle,
// it is run again.

import type { Command } from 'commander';
import type { KeyRing, KeyShown, KeysShown } from '../command/key-ring.ts';
import { newMasterKey } from '../keys.ts';
import { note, print, printJson } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';
import { printTable } from './table.ts';
import { withApi } from './with-api.ts';

interface KeyOptions {
  json?: true;
}

export function registerKeys(program: Command): void {
  const keys = program.command('keys').description('the master keys, which seal the secrets in the log');
  keys
    .command('list')
    .description('the ids of the master keys, what is sealed under each, and which are needed still')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane keys list')
    .action(list);
  keys
    .command('rotate')
    .description('make a new master key, and seal all secrets under it; they stay the same secrets')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ hooklane keys rotate\n\n' +
        'Where HOOKLANE_MASTER_KEY is set it says what to set instead, and then seals. Killed in the middle, it is run again.',
    )
    .action(rotate);
  keys
    .command('remove')
    .description('take a master key that nothing needs any more out of the file, for ever')
    .argument('<id>', 'its id')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane keys remove 1f0c3b5a')
    .action(remove);
}

async function list({ json }: KeyOptions): Promise<void> {
  const shown = await withApi(({ keys }) => keys.list());
  if (json) printJson({ ...shown, cursor: null });
  else printTable(shown.items, ['id', 'seals', 'secrets', 'needed'], 'No master keys here.');
}

async function rotate({ json }: KeyOptions): Promise<void> {
  const rotated = await withApi(({ keys }) => rotateBy(keys));
  if (rotated === undefined) {
    // Nobody else may learn of it: it is made here, and told to who asked.
    const newKey = newMasterKey();
    if (json) printJson({ newKey });
    else print(`HOOKLANE_MASTER_KEY=${newKey},$HOOKLANE_MASTER_KEY`);
    note(NEXT);
    return;
  }
  if (json) printJson(rotated);
  const { keyId, made, resealed, old } = rotated;
  if (!json)
    print(`${made ? 'Made' : 'Went on with'} master key ${keyId}: ${resealed} secrets were sealed under it.`);
  for (const key of old) note(whatToDoWith(key, rotated.source));
  note(
    'Back the new key up. Backups from before need the old one, and whoever has both has the secrets: see docs/secrets.md.',
  );
}

const NEXT =
  'The master keys come from the environment, and all secrets are sealed under the first one. Put this new one before ' +
  'it, start all processes with both, and run this again. Keep it secret.';

interface Rotated {
  keyId: string;
  /** Whether a key was made; else a rotation was brought to its end that had been begun. */
  made: boolean;
  resealed: number;
  /** Those before it, under which nothing is sealed any more. */
  old: Pick<KeyShown, 'id' | 'needed'>[];
  source: KeysShown['source'];
}

/** Undefined: a key must be put into the environment first. */
async function rotateBy(keys: KeyRing): Promise<Rotated | undefined> {
  const before = await keys.list();
  const isBegun = before.items.some(({ seals, secrets }) => !seals && secrets > 0);
  if (!isBegun && before.source === 'HOOKLANE_MASTER_KEY') return undefined;
  const made = isBegun ? undefined : await keys.make();
  const draw = progressOf('sealing');
  let resealed = 0;
  try {
    for (let remaining = 1; remaining > 0; ) {
      const step = await keys.reseal();
      resealed += step.resealed;
      remaining = step.remaining;
      draw(resealed, resealed + remaining);
    }
  } finally {
    clearProgress();
  }
  const { items } = await keys.list();
  const keyId = made?.id ?? items.find(({ seals }) => seals)?.id ?? '';
  const old = items.filter(({ seals }) => !seals).map(({ id, needed }) => ({ id, needed }));
  return { keyId, made: made !== undefined, resealed, old, source: before.source };
}

function whatToDoWith({ id, needed }: Pick<KeyShown, 'id' | 'needed'>, source: KeysShown['source']): string {
  const remove =
    source === 'master-key'
      ? `\`hooklane keys remove ${id}\``
      : `take ${id}, which is not the first, out of ${source}`;
  return needed
    ? `${id} is needed until the dispatcher has taken this in, as \`hooklane keys list\` tells; then ${remove}.`
    : `${id} is needed no more: ${remove}.`;
}

async function remove(id: string, { json }: KeyOptions): Promise<void> {
  await withApi(({ keys }) => keys.remove(id));
  if (json) printJson({ id, removed: true });
  else print(`Removed master key ${id}.`);
}
