// npm run bench:soak -- [--minutes N] [--share 0.8]: whether Hooklane stays as it is under load. It measures what the whole
// takes at the most, posted, delivered and in the read models; then posts at a share of that (0.8) for N minutes (10), and looks
// every few seconds at the latency from post to delivery, at the process' memory, files and sockets, at what a post costs it of
// the cores, and at how far the read models are behind. What the machine itself did meanwhile stands beside it: cores that the
// host gave to others (stolen), that waited for the disk, and that had nothing to do. Writes bench/results/soak.json and
// soak.svg; exit code 1 if anything of it has grown.
//
// Linux alone: what a process holds is read from /proc. The load generator and the receiver share the cores.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Log } from '../src/log/log.ts';
import type { Views } from '../src/views/views.ts';
import { openSite } from './deployment.ts';
import { postBytes, runLoad } from './load.ts';
import { settled, subscribe, unlimited } from './measures.ts';
import { errorPayload } from './payload.ts';
import { plot, type Series } from './plot.ts';
import { type Hooklane, startHooklane } from './processes.ts';
import { startBenchReceiver } from './receiver.ts';
import { percentile } from './rows.ts';
import {
  CONNECTIONS,
  cpuSeconds,
  expectAll,
  openBeside,
  POSTS,
  pushThrough,
  residentBytes,
  TICK_SECONDS,
} from './through.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, share: { type: 'string', default: '0.8' } },
});
const minutes = Number(values.minutes);
const share = Number(values.share);
/** Less has too few samples to be judged. */
const LEAST_MINUTES = 0.5;
if (!(minutes >= LEAST_MINUTES && share > 0 && share <= 1)) {
  process.stderr.write(`--minutes must be ${LEAST_MINUTES} or more, --share more than 0 and at most 1\n`);
  process.exit(2);
}
const SAMPLE_MS = 5_000;
const WARM_UP = 20_000;
const COUNT = 40_000;
/** Of the time, until caches, heaps and files have their size. */
const WARMING = 0.2;

/** What is looked at every few seconds. */
interface Sample {
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  memoryMiB: number;
  files: number;
  sockets: number;
  /** Time of the cores that the process took, for each webhook that arrived; in microseconds. */
  costUs: number;
  /** Cores, on average. */
  stolen: number;
  waitedForDisk: number;
  idle: number;
  /** Events of outbound that the read model of deliveries has not taken in. */
  behind: number;
}

const site = await openSite('sqlite');
const receiver = await startBenchReceiver();
const hooklane = await startHooklane(site);
const { token, organizationId } = await unlimited(hooklane);
await subscribe(hooklane, organizationId, receiver.url);
const beside = await openBeside(hooklane);
const { log, views } = beside;

await run(WARM_UP);
const maximum = await run(COUNT);
process.stderr.write(`at most ${Math.round(maximum)} posts/s\n`);
const perSecond = Math.floor(maximum * share);
const samples = await soak(perSecond);
await beside.close();
await hooklane.stop();
receiver.stop();

const grown = judge(samples);
const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
const about = { at: new Date().toISOString(), machine, minutes, maximum, perSecond };
const file = (name: string) => new URL(`results/${name}`, import.meta.url);
writeFileSync(file('soak.json'), `${JSON.stringify({ ...about, grown, samples }, null, 1)}\n`);
writeFileSync(file('soak.svg'), plot(`${perSecond} posts/s for ${minutes} min`, seriesOf(samples)));
for (const { what, before, after, ok } of grown)
  process.stdout.write(
    `${ok ? 'level' : 'GROWN'}  ${what.padEnd(10)} ${before.toFixed(1)} to ${after.toFixed(1)}\n`,
  );
process.exitCode = grown.every(({ ok }) => ok) ? 0 : 1;

/** Posts as fast as it can; resolves to how many a second were posted, delivered and in the read models. */
async function run(count: number): Promise<number> {
  const startedMs = performance.now();
  await pushThrough({ hooklane, receiver, count, tokenOf: () => token });
  await settled(async () => (await behindBy(log, views)) === 0);
  return count / ((performance.now() - startedMs) / 1_000);
}

async function soak(rate: number): Promise<Sample[]> {
  const count = Math.round(rate * minutes * 60);
  const postedMs = new Map<number, number>();
  let latenciesMs: number[] = [];
  receiver.onArrival = (body) => {
    const index = Number(/of order (\d+)/.exec(body)?.[1]);
    latenciesMs.push(performance.now() - (postedMs.get(index) ?? Number.NaN));
    postedMs.delete(index);
  };
  const taken: Sample[] = [];
  const startedMs = performance.now();
  let before = timesOf(hooklane);
  const sample = async () => {
    const sorted = latenciesMs.sort((a, b) => a - b);
    latenciesMs = [];
    const now = timesOf(hooklane);
    const passed = (what: Exclude<keyof Times, 'atMs'>) => now[what] - before[what];
    const perSecondOf = (what: Exclude<keyof Times, 'atMs'>) =>
      (passed(what) * 1_000) / (now.atMs - before.atMs);
    const cores = {
      costUs: (passed('process') * 1_000_000) / sorted.length,
      stolen: perSecondOf('stolen'),
      waitedForDisk: perSecondOf('disk'),
      idle: perSecondOf('idle'),
    };
    before = now;
    taken.push({
      seconds: Math.round((performance.now() - startedMs) / 1_000),
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      ...heldBy(hooklane),
      ...cores,
      behind: await behindBy(log, views),
    });
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  const arrived = receiver.expect(count);
  const { statuses } = await runLoad({
    port: hooklane.port,
    request: (index) => {
      // When it was to be posted: what is late because others were slow counts.
      postedMs.set(index, startedMs + (index * 1_000) / rate);
      return postBytes(POSTS, token, errorPayload(index));
    },
    connections: CONNECTIONS,
    count,
    perSecond: rate,
  });
  expectAll(statuses, count);
  await arrived;
  clearInterval(sampling);
  return taken;
}

/** What the process holds, by /proc. */
function heldBy({ pid }: Hooklane): Pick<Sample, 'memoryMiB' | 'files' | 'sockets'> {
  const memoryMiB = (residentBytes(pid) ?? 0) / 2 ** 20;
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch (error) {
      // Closed since the directory was read.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  });
  const sockets = open.filter((target) => target?.startsWith('socket:')).length;
  return { memoryMiB, files: open.filter(Boolean).length - sockets, sockets };
}

/** Seconds of cores since the machine began, and when it was looked. */
interface Times {
  atMs: number;
  process: number;
  idle: number;
  disk: number;
  stolen: number;
}

/** Source: proc_stat(5). */
function timesOf({ pid }: Hooklane): Times {
  const [, ofAll = ''] = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
  const seconds = ofAll.split(' ').map((ticks) => Number(ticks) * TICK_SECONDS);
  const [, , , idle = 0, disk = 0, , , stolen = 0] = seconds;
  return { atMs: performance.now(), process: cpuSeconds(pid) ?? Number.NaN, idle, disk, stolen };
}

async function behindBy(of: Log, read: Views): Promise<number> {
  const ends = await of.ends('outbound');
  const { outbound = {} } = await read.positions('deliveries');
  return ends.reduce((sum, end, partition) => sum + end - (outbound[partition] ?? 0), 0);
}

/** The last quarter of the time beside the first one after the warm-up: how much more may be noise. */
function judge(all: readonly Sample[]) {
  const warm = all.slice(Math.floor(all.length * WARMING));
  const quarter = Math.floor(warm.length / 4);
  const middle = (of: readonly Sample[], what: keyof Sample) =>
    percentile(
      of.map((sample) => sample[what]).sort((a, b) => a - b),
      0.5,
    );
  const allowed = {
    ...{ memoryMiB: 1.1, p50Ms: 1.25, p99Ms: 1.5, files: 1, sockets: 1.05 },
    costUs: 1.15,
    behind: 1.5,
  };
  return (Object.keys(allowed) as (keyof typeof allowed)[]).map((what) => {
    const before = middle(warm.slice(0, quarter), what);
    const after = middle(warm.slice(-quarter), what);
    // Of small numbers a little more is noise as well; a second's events are read in one go.
    const noise = what === 'behind' ? 3 * perSecond : 2;
    return { what, before, after, ok: after <= Math.max(before * allowed[what], before + noise) };
  });
}

function seriesOf(all: readonly Sample[]): Series[] {
  const of = (what: keyof Sample) =>
    all.map((sample): [number, number] => [sample.seconds / 60, sample[what]]);
  return [
    { title: 'post to delivery, p50 and p99, ms', lines: [of('p50Ms'), of('p99Ms')] },
    { title: 'memory, MiB', lines: [of('memoryMiB')] },
    { title: 'files and sockets', lines: [of('files'), of('sockets')] },
    { title: 'cost of a post in time of the cores, µs', lines: [of('costUs')] },
    {
      title: 'cores of the machine: stolen, waiting for the disk, idle',
      lines: [of('stolen'), of('waitedForDisk'), of('idle')],
    },
    { title: 'events the read models are behind', lines: [of('behind')] },
  ];
}
