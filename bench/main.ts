// npm run bench [sqlite|kafka|apart [one measure]]: what the README claims, measured in one run on one machine, each figure beside
// what the bare parts can do. Prints a table and writes it to bench/results/. Figures are ratios: machines differ.
//
// The cores are shared by what is measured, by the load generator and the receiver (this process), and by the broker
// and the database where there are any.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { deploymentOf, openSite } from './deployment.ts';
import { measureIsolation } from './isolation.ts';
import {
  type Measure,
  measureLatency,
  measurePipeline,
  measurePosts,
  measureRebuild,
  measureTakeover,
} from './measures.ts';

const site = await openSite(deploymentOf(process.argv[2]));
const measures: Measure[] = [];
const all = [
  ...[measurePosts, measurePipeline, measureLatency],
  ...[measureIsolation, measureRebuild, measureTakeover],
];
for (const measure of all.filter(({ name }) => process.argv[3] === undefined || name === process.argv[3])) {
  process.stderr.write(`${measure.name}…\n`);
  measures.push(...(await measure(site)));
}
await site.close();

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
const result = { at: new Date().toISOString(), deployment: site.deployment, machine, measures };
const name = site.deployment === 'sqlite' ? 'latest' : site.deployment;
if (process.argv[3] === undefined)
  writeFileSync(new URL(`${name}.json`, directory), `${JSON.stringify(result, null, 2)}\n`);

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
