// npm run bench:profile -- [DEPLOYMENT] MEASURE [--quick]: one measure with the server's processor time sampled by V8, all its threads.
// Prints self time by function and by package or file; puts a flame graph and the profile of each thread into
// bench/results/profile/ (not committed). The profile opens in Chrome's DevTools, VS Code and speedscope.

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { LONG, USUAL } from './all.ts';
import { askedBy } from './asked.ts';
import { coresText, pin } from './cores.ts';
import { DEPLOYMENTS, openSite } from './deployment.ts';
import { type CpuProfile, flameGraph, functionKey, placeKey, type Self, selfTimes, treeOf } from './flame.ts';
import { type Options, readOptions, UsageError } from './options.ts';
import { percent } from './rows.ts';

const USAGE = `npm run bench:profile -- [sqlite|kafka|apart] MEASURE [--quick] [--pin] [--organizations N]

Examples:
  npm run bench:profile -- measurePipeline
  npm run bench:profile -- kafka measurePipeline
`;
const LINES = 20;
const measures = [...USUAL, ...LONG];

try {
  const [first = '', ...more] = process.argv.slice(2);
  if (['--help', '-h', ''].includes(first)) process.stdout.write(USAGE);
  else
    await profile(
      readOptions(
        [...(DEPLOYMENTS.some((name) => name === first) ? [] : ['sqlite']), first, ...more],
        measures.map(({ name }) => name),
      ),
    );
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function profile(options: Options): Promise<void> {
  const measure = measures.find(({ name }) => name === options.only);
  if (measure === undefined) throw new UsageError('name a measure');
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-profile-'));
  const { deployment } = options;
  const site = await openSite(deployment, { nodeArguments: ['--cpu-prof', `--cpu-prof-dir=${directory}`] });
  if (options.pin) pin();
  process.stdout.write(`${coresText(deployment !== 'sqlite')}\n`);
  const rows = await measure(site, askedBy(options));
  await site.close();
  for (const { name, value, unit } of rows)
    process.stdout.write(`${name}: ${value.toFixed(1)} ${unit} (sampled)\n`);
  const results = new URL('results/profile/', import.meta.url);
  mkdirSync(results, { recursive: true });
  const files = readdirSync(directory).filter((file) => file.endsWith('.cpuprofile'));
  if (files.length === 0)
    throw new UsageError(`${measure.name} starts no server, so there is nothing to sample`);
  for (const [n, file] of files.sort().entries()) {
    const name = `${measure.name}-${n + 1}-${threadOf(file)}`;
    const root = treeOf(JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile);
    print(`${name}, self time by function`, selfTimes(root, functionKey));
    print(`${name}, self time by package or file`, selfTimes(root, placeKey));
    writeFileSync(new URL(`${name}.svg`, results), flameGraph(name, root));
    copyFileSync(join(directory, file), new URL(`${name}.cpuprofile`, results));
    process.stdout.write(`bench/results/profile/${name}.svg\n`);
  }
  rmSync(directory, { recursive: true });
}

/** Node calls them CPU.<date>.<time>.<process>.<thread>.<number>.cpuprofile; the main thread is 0. */
function threadOf(file: string): string {
  const thread = file.split('.').at(-3);
  return thread === '0' ? 'main' : `thread-${thread}`;
}

function print(title: string, selves: readonly Self[]): void {
  const table = new Table({ style: { head: [], border: [] }, head: [title, 'ms', 'share'] });
  for (const { what, selfUs, share } of selves.slice(0, LINES))
    table.push([what, Math.round(selfUs / 1_000).toLocaleString('en'), percent(share)]);
  process.stdout.write(`${table.toString()}\n`);
}
