// What many organizations cost: one trigger each of 10,000, beside as many of one; and a trigger as they grow, and as
// history grows.

import { rmSync } from 'node:fs';
import { partitionOf } from '../src/log/partitioner.ts';
import type { Asked } from './asked.ts';
import { countCosts } from './costs.ts';
import type { Site } from './deployment.ts';
import { subscribe, unlimited } from './measures.ts';
import { atRest, type Inhabitant, populate } from './population.ts';
import { type Hooklane, startHooklane, temporaryDirectory } from './processes.ts';
import { type BenchReceiver, startBenchReceiver } from './receiver.ts';
import type { Measure } from './rows.ts';
import { cpuSeconds, openBeside, pushThrough } from './through.ts';

const COUNT = 20_000;
const WARM_UP = 20_000;
/** Other organizations that have a trigger before: what is written first in each partition costs more, on Kafka several times. */
const OTHERS = 1_000;
const GAP_MS = 5_000;
const SUBSCRIBED = { whenBusy: 'omit', maxQueued: 100, events: ['log.*'] } as const;

/**
 * One trigger each of 10,000 organizations with a gap, a second, after some others to warm up, beside the pipeline of one
 * endpoint, in the same process.
 */
export async function measureOrganizations(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const { token, organizationId } = await unlimited(hooklane);
  await subscribe(hooklane, organizationId, receiver.url);
  const stores = await openBeside(hooklane);
  const ofOne = { hooklane, receiver, tokenOf: () => token };
  await pushThrough({ ...ofOne, count: asked.count(WARM_UP) });
  await atRest(stores.log, stores.views);
  const count = asked.count(COUNT);
  const beside = count / (await pushThrough({ ...ofOne, count }));
  const made = await populate({
    ...stores,
    count: OTHERS + asked.organizations,
    url: (index) => `${receiver.url}${index}`,
    settings: { gapMs: GAP_MS, ...SUBSCRIBED, events: ['log.*'] },
  });
  await atRest(stores.log, stores.views);
  const [others, measured] = [made.slice(0, OTHERS), made.slice(OTHERS)];
  const triggerEach = (of: readonly Inhabitant[]) =>
    pushThrough({ hooklane, receiver, count: of.length, tokenOf: (index) => of[index]?.token ?? '' });
  await triggerEach(others);
  await atRest(stores.log, stores.views);
  const costs = countCosts({ hooklane, site }, 'an event of another organization each');
  const value = measured.length / (await triggerEach(measured));
  await atRest(stores.log, stores.views);
  const costRows = costs(measured.length);
  await stores.close();
  await hooklane.stop();
  receiver.stop();
  const name = `${measured.length.toLocaleString('en')} organizations, one trigger each, gap 5 s`;
  const one = { name: 'one endpoint, gap 0, same process', value: beside };
  return [{ name, value, unit: 'events/s', beside: one, aim: { least: 0.8 } }, ...costRows];
}

/** How many organizations a trigger is measured among. */
const SIZES = [100, 1_000, 10_000, 100_000];

/** What a trigger costs as organizations grow, beside what it costs among the fewest of them. */
export async function measureOrganizationGrowth(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const stores = await openBeside(hooklane);
  const made: Inhabitant[] = [];
  const costs: Cost[] = [];
  for (const size of SIZES.filter((size) => size <= asked.organizations)) {
    const url = () => receiver.url;
    const settings = { gapMs: 0, ...SUBSCRIBED, events: ['log.*'] };
    made.push(...(await populate({ ...stores, count: size - made.length, url, settings })));
    costs.push(await costAmong(made, { site, hooklane, receiver, stores, asked }));
  }
  await stores.close();
  await hooklane.stop();
  receiver.stop();
  const named = costs.map((cost) => ({ ...cost, name: `${cost.among.toLocaleString('en')} organizations` }));
  return growthOf(named);
}

/** Deliveries in the history among which a trigger is measured. */
const HISTORIES = [10_000, 100_000];
const MANY = 100;
/** A kept store was made of partition 0 of a log that is gone: what came there would be taken for read. So another is used. */
const TWO_PARTITIONS = { HOOKLANE_PARTITIONS: '2' };

/** What a trigger costs as history grows: deliveries are in the log and the read models; in a kept store in these alone. */
export async function measureHistoryGrowth(site: Site, asked: Asked): Promise<Measure[]> {
  const directory = temporaryDirectory();
  const costs = await costsByHistory(site, { directory, sizes: HISTORIES.map(asked.count), asked });
  rmSync(directory, { recursive: true });
  // What it holds stays, and what is measured comes on top.
  if (asked.history !== undefined && site.deployment === 'sqlite')
    costs.push(...(await costsByHistory(site, { directory: asked.history, sizes: [0], asked })));
  return growthOf(costs);
}

interface HistoryOptions {
  directory: string;
  /** Deliveries that are to be there, one after the other; none are made where there are more. */
  sizes: readonly number[];
  asked: Asked;
}

async function costsByHistory(site: Site, { directory, sizes, asked }: HistoryOptions): Promise<NamedCost[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site, { directory, settings: TWO_PARTITIONS });
  const stores = await openBeside(hooklane);
  const { log, views } = stores;
  const made = await populate({
    ...stores,
    count: MANY,
    url: () => receiver.url,
    settings: { gapMs: 0, ...SUBSCRIBED, events: ['log.*'] },
    accepts: (id) => partitionOf(id, log.partitions) === 1,
  });
  const tokenOf = (index: number) => made[index % made.length]?.token ?? '';
  const costs: NamedCost[] = [];
  for (const size of sizes) {
    const count = size - (await views.count('deliveries'));
    if (count > 0) await pushThrough({ hooklane, receiver, count, tokenOf });
    await atRest(log, views);
    const there = await views.count('deliveries');
    const cost = await costAmong(made, { site, hooklane, receiver, stores, asked });
    costs.push({ ...cost, name: `${roughly(there)} deliveries of history` });
  }
  await stores.close();
  await hooklane.stop();
  receiver.stop();
  return costs;
}

/** A count in two digits: runs that differ by a few are of one row. */
function roughly(count: number): string {
  return Number(count.toPrecision(2)).toLocaleString('en');
}

/** Of one trigger. */
interface Cost {
  among: number;
  /** From the first post to the last delivery, by how many there were. */
  elapsedUs: number;
  /** Of the server's processor, until the read models have it as well; undefined: nobody can say. */
  cpuUs: number | undefined;
  /** The same by its threads. */
  byThread: readonly Measure[];
}
type NamedCost = Cost & { name: string };

interface Running {
  site: Pick<Site, 'engines'>;
  hooklane: Hooklane;
  receiver: BenchReceiver;
  stores: Awaited<ReturnType<typeof openBeside>>;
  asked: Asked;
}

async function costAmong(
  made: readonly Inhabitant[],
  { site, hooklane, receiver, stores, asked }: Running,
): Promise<Cost> {
  const { log, views } = stores;
  // Odd, so that it goes round all of them whatever their number.
  const tokenOf = (index: number) => made[(index * 7_919) % made.length]?.token ?? '';
  // Each has one at least: the first of an organization makes what the others change, which is another thing to measure.
  const warmUp = Math.max(asked.count(WARM_UP) / 2, made.length);
  await pushThrough({ hooklane, receiver, tokenOf, count: warmUp });
  await atRest(log, views);
  const count = asked.count(COUNT);
  const cpuBefore = cpuSeconds(hooklane.pid);
  const costs = countCosts({ hooklane, site }, 'a trigger');
  const seconds = await pushThrough({ hooklane, receiver, tokenOf, count });
  await atRest(log, views);
  const byThread = costs(count);
  const cpuAfter = cpuSeconds(hooklane.pid);
  const cpuUs =
    cpuBefore === undefined || cpuAfter === undefined ? undefined : ((cpuAfter - cpuBefore) * 1e6) / count;
  return { among: made.length, elapsedUs: (seconds * 1e6) / count, cpuUs, byThread };
}

const MOST_GROWTH = { aim: { most: 1.3 } };

/** Each beside the first one. */
function growthOf([first, ...others]: readonly NamedCost[]): Measure[] {
  if (first === undefined) return [];
  return others.flatMap((cost) => {
    const rows: Measure[] = [];
    const add = (what: string, value: number | undefined, small: number | undefined) => {
      if (value === undefined || small === undefined) return;
      const beside = { name: `among ${first.name}`, value: small };
      rows.push({ name: `${what} a trigger among ${cost.name}`, value, unit: 'µs', beside, ...MOST_GROWTH });
    };
    add('time', cost.elapsedUs, first.elapsedUs);
    add('processor time', cost.cpuUs, first.cpuUs);
    for (const [n, row] of cost.byThread.entries()) {
      const small = first.byThread[n];
      if (small === undefined) continue;
      const beside = { name: `among ${first.name}`, value: small.value };
      rows.push({ ...row, name: `${row.name}, among ${cost.name}`, beside });
    }
    return rows;
  });
}
