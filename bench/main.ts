// npm run bench: what the README claims, measured on one machine, each figure beside what the bare parts can do. Prints a
// table, and keeps each measure's rows in bench/results/ as soon as it is made. Figures are ratios: machines differ. What can be asked for is in options.ts; what
// each measure does stands beside it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { LONG, USUAL } from './all.ts';
import { askedBy } from './asked.ts';
import { coresText, pin } from './cores.ts';
import { openSite } from './deployment.ts';
import { help, type Options, readOptions, UsageError } from './options.ts';
import { cellsOf, type KeptRow, type Measure, mergedRows, type Row, rowsOf } from './rows.ts';

const names = (measures: typeof USUAL) => measures.map(({ name }) => name);

try {
  const options = readOptions(process.argv.slice(2), [...names(USUAL), ...names(LONG)]);
  if (options.help) process.stdout.write(help(names(USUAL), names(LONG)));
  else await bench(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function bench(options: Options): Promise<void> {
  const { deployment, only, runs, all, quick } = options;
  const isSqlite = deployment === 'sqlite';
  const site = await openSite(deployment);
  // Only now, so that broker and database stay where they are.
  if (options.pin) pin();
  const cores = coresText(!isSqlite);
  process.stdout.write(`${cores}\n`);
  const chosen =
    only === undefined
      ? [...USUAL, ...(all ? LONG : [])]
      : [...USUAL, ...LONG].filter(({ name }) => name === only);
  const asked = askedBy(options);
  const rows: KeptRow[] = [];
  for (const measure of chosen) {
    const measured: Measure[][] = [];
    for (let run = 1; run <= runs; run++) {
      process.stderr.write(`${measure.name}${runs > 1 ? `, run ${run} of ${runs}` : ''}…\n`);
      measured.push(await measure(site, asked));
    }
    const [{ name }, at] = [measure, new Date().toISOString()];
    rows.push(...rowsOf(measured).map((row) => ({ ...row, measure: name, at })));
    if (!quick && (only === undefined || runs > 1)) keep(rows, { ...options, cores });
  }
  await site.close();
  print(rows, options);
}

function print(rows: readonly Row[], { runs, quick }: Options): void {
  const head = ['measure', 'Hooklane', 'beside', '', 'ratio', 'aim'];
  const table = new Table({ style: { head: [], border: [] }, head });
  table.push(...rows.map(cellsOf));
  process.stdout.write(`${table.toString()}\n`);
  if (runs > 1) process.stdout.write(`Medians of ${runs} runs; below them the least and the most.\n`);
  if (quick) process.stdout.write('A twentieth of each count: these figures mean nothing.\n');
}

/** Puts them in the place of what the same measures came to before. */
function keep(rows: readonly KeptRow[], about: Options & { cores: string }): void {
  const { deployment, pin: pinned, cores } = about;
  const directory = new URL('results/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`${deployment === 'sqlite' ? 'latest' : deployment}.json`, directory);
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).measures : [];
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  const measures = mergedRows(kept, rows, names([...USUAL, ...LONG]));
  const result = { at: new Date().toISOString(), deployment, machine, pinned, shares: cores, measures };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}
