// npm run bench:compare -- [BASELINE] [RESULT]: two results of npm run bench beside each other, by default
// bench/results/baseline.json and latest.json. Prints a table; exit code 1 if anything has become worse.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Compared, compare, type Result } from './comparison.ts';
import { number, percent } from './rows.ts';

const USAGE = `npm run bench:compare -- [BASELINE] [RESULT]

Compares two files that npm run bench has written (bench/results/baseline.json and latest.json unless named): by the ratio
to what a row stands beside, where there is one, else by its value. Worse is what is beyond the spread of the runs of both
together (half of each), and beyond 10 %. Exit code 1 if anything is.

To make today's result the one that others are compared to: cp bench/results/latest.json bench/results/baseline.json
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
});
if (values.help) process.stdout.write(USAGE);
else if (positionals.length > 2) fail('two files at the most');
else main();

function main(): void {
  const [before, after] = [positionals[0] ?? ours('baseline'), positionals[1] ?? ours('latest')];
  const [baseline, result] = [read(before), read(after)];
  if (baseline === undefined || result === undefined) return;
  const compared = compare(baseline, result);
  const table = new Table({
    style: { head: [], border: [] },
    head: ['measure', baseline.at.slice(0, 16), result.at.slice(0, 16), 'change', 'noise', ''],
  });
  table.push(...compared.map(cells));
  process.stdout.write(`${table.toString()}\n`);
  const worse = compared.filter(({ verdict }) => verdict === 'worse');
  for (const { name } of worse) process.stdout.write(`worse: ${name}\n`);
  process.exitCode = worse.length === 0 ? 0 : 1;
}

function ours(name: string): string {
  return new URL(`results/${name}.json`, import.meta.url).pathname;
}

function read(path: string): Result | undefined {
  try {
    const result = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(result.measures) && typeof result.at === 'string') return result;
    fail(`${path} is no result of npm run bench`);
  } catch (error) {
    fail(`${path} cannot be read: ${(error as Error).message}`);
  }
  return undefined;
}

function fail(why: string): void {
  process.stderr.write(`${why}\n`);
  process.exitCode = 2;
}

function cells({ name, by, unit, before, after, change, noise, verdict }: Compared): string[] {
  const figure = (value: number | undefined) => {
    if (value === undefined) return '';
    return by === 'ratio' ? percent(value) : `${number(value)} ${unit}`;
  };
  const sign = (change ?? 0) > 0 ? '+' : '';
  return [
    name,
    figure(before),
    figure(after),
    change === undefined ? '' : Number.isFinite(change) ? `${sign}${percent(change)}` : 'from nothing',
    `± ${percent(noise)}`,
    verdict === 'same' ? '' : verdict === 'worse' ? 'WORSE' : verdict,
  ];
}
