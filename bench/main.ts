// npm run bench: what the README claims, measured in one run on one machine, each figure beside what the bare
// parts can do. Prints a table and writes bench/results/latest.json. Figures are ratios: machines differ.
//
// Two cores are shared by what is measured (one process) and by the load generator and the receiver (this one).

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { type Measure, measureLatency, measurePipeline, measurePosts, measureRebuild } from './measures.ts';

const measures: Measure[] = [];
for (const measure of [measurePosts, measurePipeline, measureLatency, measureRebuild]) {
  process.stderr.write(`${measure.name}…\n`);
  measures.push(...(await measure()));
}

const table = new Table({
  style: { head: [], border: [] },
  head: ['measure', 'Hooklane', 'beside', '', 'ratio'],
});
for (const { name, value, unit, beside } of measures) {
  const ratio = beside === undefined ? '' : `${Math.round((100 * value) / beside.value)} %`;
  const other = beside === undefined ? ['', ''] : [beside.name, `${format(beside.value)} ${unit}`];
  table.push([name, `${format(value)} ${unit}`, ...other, ratio]);
}
process.stdout.write(`${table.toString()}\n`);

const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
const directory = new URL('results/', import.meta.url);
mkdirSync(directory, { recursive: true });
const result = { at: new Date().toISOString(), machine, measures };
writeFileSync(new URL('latest.json', directory), `${JSON.stringify(result, null, 2)}\n`);

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
