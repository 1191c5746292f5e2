// A process that may not write long files: started by sqlite-processes.test.ts under `ulimit -f`. It applies rounds
// until one fails, uses up what room is left, tries to swap a shadow, and says how it went; when it is told that
// there is room again, it makes the same calls once more.

import { once } from 'node:events';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { roundBatch, THINGS } from './things.ts';

/** The round of the shadow, which is ahead of all others. */
const LAST_ROUND = 1_000_000;

const views = openSqliteViews({ directory: process.argv[2] ?? '', definitions: [THINGS] });
const shadow = await views.shadow('things');
await shadow.apply(roundBatch(LAST_ROUND));
await shadow.apply(progress(LAST_ROUND));

/** A batch that takes the least room there is: it moves a position on. */
function progress(offset: number) {
  return { patches: [], positions: [{ topic: 'outbound', partition: 1, offset } as const] };
}

async function state() {
  const [document] = await views.find('things', { limit: 1 });
  return { round: document?.round, next: (await views.positions('things')).outbound?.[0] };
}

/** The code of the error that `work` fails with; undefined: it does not fail. */
async function codeOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** Does `work` with 0, 1, 2, … until it fails; resolves to the number it failed with, and the error's code. */
async function untilItFails(work: (number: number) => Promise<unknown>) {
  for (let number = 0; ; number++) {
    const code = await codeOf(() => work(number));
    if (code !== undefined) return { number, code };
  }
}

const failed = await untilItFails((round) => views.apply(roundBatch(round)));
await untilItFails((offset) => views.apply(progress(offset + 1)));
const codes = [failed.code, await codeOf(() => shadow.swap())];
const goOn = once(process, 'message');
process.send?.({ failed: failed.number, codes, state: await state() });
await goOn;
await views.apply(roundBatch(failed.number));
const applied = await state();
const swapped = await shadow.swap();
process.send?.({ applied, swapped, state: await state() });
await views.close();
process.disconnect();
