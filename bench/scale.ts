// npm run bench:scale: lanes, crank and directory at scale, on a made-up clock, and what follows for many organizations on paper.
// Writes bench/results/scale.json and prints the tables of docs/scaling.md. Each measure has a process of its own.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { number } from './rows.ts';
import {
  type AmongMany,
  type Hot,
  type Known,
  measureAmong,
  measureDirectory,
  measureHot,
  measureRecord,
  measureRestore,
  type Restored,
} from './scale/drives.ts';
import { bytesText, type Costs, onOneCore, plan, tableOf } from './scale/model.ts';

const USAGE = `npm run bench:scale -- [--organizations 1000,100000,1000000] [--triggers 200000] [--lanes 100000] [--table]

  --organizations A,B,…  among how many a trigger is measured; a million takes some 3 GB and two minutes
  --triggers N           how many are measured
  --lanes N              of the partition that is restored, and organizations of the API that is started
  --table                no measure: the tables anew, from bench/results/scale.json and latest.json

What posts, the whole pipeline and read models cost is taken from bench/results/latest.json: run npm run bench first.
Example: npm run bench -- --runs 3 && npm run bench:scale
`;

const { values } = parseArgs({
  options: {
    organizations: { type: 'string', default: '1000,100000,1000000' },
    triggers: { type: 'string', default: '200000' },
    lanes: { type: 'string', default: '100000' },
    table: { type: 'boolean', default: false },
    /** For the processes of its own: what to measure, as JSON. */
    measure: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** What was measured. */
interface Measured {
  among: AmongMany[];
  restored: Restored;
  known: Known;
  recordUs: number;
  hot: Hot[];
}

type Task =
  | { what: 'among'; organizations: number; triggers: number }
  | { what: 'restored'; lanes: number }
  | { what: 'known'; organizations: number }
  | { what: 'record' }
  | { what: 'hot'; gapMs: number; whenBusy: Hot['whenBusy']; perSecond: number };

/** The post, the log, and three events of a webhook, with 600 bytes of payload: seen in a log of 1,500 of them. */
const LOG_BYTES = 1_800;
/** Resident, of a dispatcher without lanes, idle: seen by measureMemory. */
const PROCESS_BYTES = 107e6;

const results = new URL('results/', import.meta.url);
if (values.help) process.stdout.write(USAGE);
else if (values.measure !== undefined)
  process.stdout.write(JSON.stringify(await perform(JSON.parse(values.measure))));
else main();

function main(): void {
  const measured = values.table ? stored() : measureAll();
  if (!values.table) {
    const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
    const report = { at: new Date().toISOString(), machine, ...measured };
    writeFileSync(new URL('scale.json', results), `${JSON.stringify(report, null, 2)}\n`);
  }
  process.stdout.write(`${measuredText(measured)}\n\n${modelText(costsOf(measured))}\n`);
}

function stored(): Measured {
  return JSON.parse(readFileSync(new URL('scale.json', results), 'utf8'));
}

function measureAll(): Measured {
  const triggers = Number(values.triggers);
  const hots: Pick<Hot, 'gapMs' | 'whenBusy' | 'perSecond'>[] = [
    { gapMs: 5_000, whenBusy: 'omit', perSecond: 0 },
    { gapMs: 5_000, whenBusy: 'omit', perSecond: 1_000 },
    { gapMs: 5_000, whenBusy: 'omit', perSecond: 10_000 },
    { gapMs: 5_000, whenBusy: 'queue', perSecond: 10_000 },
    { gapMs: 5_000, whenBusy: 'digest', perSecond: 10_000 },
    { gapMs: 0, whenBusy: 'omit', perSecond: 10_000 },
  ];
  return {
    among: values.organizations
      .split(',')
      .map((text) => run({ what: 'among', organizations: Number(text), triggers }) as AmongMany),
    restored: run({ what: 'restored', lanes: Number(values.lanes) }) as Restored,
    known: run({ what: 'known', organizations: Number(values.lanes) }) as Known,
    recordUs: run({ what: 'record' }) as number,
    hot: hots.map((hot) => run({ what: 'hot', ...hot }) as Hot),
  };
}

function run(task: Task): unknown {
  process.stderr.write(`${JSON.stringify(task)}\n`);
  const script = fileURLToPath(import.meta.url);
  const args = ['--expose-gc', '--max-old-space-size=12288', script, '--measure', JSON.stringify(task)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

async function perform(task: Task): Promise<unknown> {
  switch (task.what) {
    case 'among':
      return measureAmong(task.organizations, task.triggers);
    case 'restored':
      return await measureRestore(task.lanes);
    case 'known':
      return await measureDirectory(task.organizations);
    case 'record':
      return measureRecord(Number(values.triggers));
    case 'hot':
      return measureHot(task, task.perSecond);
    default:
      return task satisfies never;
  }
}

function costsOf({ among, restored, known, recordUs }: Measured): Costs {
  const { measures }: { measures: { name: string; value: number }[] } = JSON.parse(
    readFileSync(new URL('latest.json', results), 'utf8'),
  );
  const processorUs = (what: 'a post' | 'an event', thread: string) => {
    const name = `${what}, processor time: ${thread}`;
    const found = measures.find((measure) => measure.name === name);
    if (found === undefined) throw new Error(`latest.json has no row ${name}: run npm run bench`);
    return found.value;
  };
  // One thread does all three: a post without a subscriber is taken and recorded, an event is delivered as well.
  const postUs = processorUs('a post', 'MainThread') - recordUs;
  const dispatchUs = processorUs('an event', 'MainThread') - recordUs - postUs;
  const projectUs = processorUs('an event', 'read models');
  return {
    ...{ postUs, recordUs, dispatchUs, projectUs },
    laneBytes: among.at(-1)?.laneBytes ?? Number.NaN,
    laneRecordBytes: restored.recordBytes,
    processBytes: PROCESS_BYTES,
    restoreUs: (restored.seconds * 1e6) / restored.lanes,
    logBytes: LOG_BYTES,
    organizationBytes: known.organizationBytes,
    knowUs: (known.seconds * 1e6) / known.organizations,
  };
}

function measuredText({ among, restored, known, recordUs, hot }: Measured): string {
  const smallest = among[0]?.triggerUs ?? Number.NaN;
  return [
    '| organizations | a trigger, of one core | to the fewest | a quiet lane |',
    '| --- | --- | --- | --- |',
    ...among.map(
      ({ organizations, triggerUs, laneBytes }) =>
        `| ${organizations.toLocaleString('en')} | ${triggerUs.toFixed(1)} µs | ${(triggerUs / smallest).toFixed(2)} | ${Math.round(laneBytes).toLocaleString('en')} bytes |`,
    ),
    '',
    `A partition of ${restored.lanes.toLocaleString('en')} lanes, ${bytesText(restored.recordBytes)} each, restored in ${restored.seconds.toFixed(2)} s. To record a post: ${recordUs.toFixed(1)} µs.`,
    `The API knows ${known.organizations.toLocaleString('en')} organizations after ${known.seconds.toFixed(2)} s, ${Math.round(known.organizationBytes).toLocaleString('en')} bytes each.`,
    '',
    '| hot organization | triggers/s | sent/s | others wait, p50 | p99 | crank busy |',
    '| --- | --- | --- | --- | --- | --- |',
    ...hot.map(
      ({ gapMs, whenBusy, perSecond, sentPerSecond, p50Ms, p99Ms, busy }) =>
        `| ${perSecond === 0 ? 'none' : gapMs === 0 ? 'gap 0' : `gap ${gapMs / 1_000} s, ${whenBusy}`} | ${perSecond.toLocaleString('en')} | ${number(sentPerSecond)} | ${p50Ms.toFixed(0)} ms | ${p99Ms.toFixed(0)} ms | ${Math.round(100 * busy)} % |`,
    ),
  ].join('\n');
}

function modelText(costs: Costs): string {
  const asked = [1_000, 100_000, 10_000_000].flatMap((organizations) =>
    [100, 10_000, 1_000_000].map((eventsPerSecond) => ({ organizations, eventsPerSecond })),
  );
  const rounded = Object.entries(costs).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  return [
    `Costs: ${rounded.join(', ')}.`,
    `One process with all roles: ${Math.round(onOneCore(costs)).toLocaleString('en')} events/s.`,
    '',
    tableOf(asked.map((one) => plan(one, costs))),
  ].join('\n');
}
