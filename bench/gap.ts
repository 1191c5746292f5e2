// How well the gap is kept: how late a queued webhook starts after its gap is over, by what history says of its attempts
// and by when it came to the receiver. It never starts early; that an arrival is early says no more than that the one
// before it was long on its way.

import { type EventPublished, UNKEYED } from '../src/events.ts';
import { newId, type OrganizationId } from '../src/ids.ts';
import type { Log } from '../src/log/log.ts';
import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { atRest, populate } from './population.ts';
import { startHooklane } from './processes.ts';
import { type BenchReceiver, startBenchReceiver } from './receiver.ts';
import { type Measure, percentile } from './rows.ts';
import { type Beside, openBeside } from './through.ts';

const ENDPOINTS = 50;

/** Webhooks that wait at each endpoint: the first one starts at once. */
interface Queue {
  gapMs: number;
  queued: number;
  /** The same, before what is measured; 0: none. */
  warmUp: number;
}

/** A gap as short as the turns of a busy dispatcher, and the one that endpoints have by default. */
const QUEUES: readonly Queue[] = [
  { gapMs: 100, queued: 60, warmUp: 20 },
  { gapMs: 5_000, queued: 12, warmUp: 0 },
];

export async function measureGap(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const stores = await openBeside(hooklane);
  const rows: Measure[] = [];
  for (const queue of QUEUES) rows.push(...(await measureQueue(queue, receiver, stores, asked)));
  await stores.close();
  await hooklane.stop();
  receiver.stop();
  return rows;
}

async function measureQueue(
  { gapMs, queued, warmUp }: Queue,
  receiver: BenchReceiver,
  stores: Beside,
  asked: Asked,
): Promise<Measure[]> {
  const made = await populate({
    ...stores,
    count: ENDPOINTS,
    url: (index) => `${receiver.url}${gapMs}/${index}`,
    settings: { gapMs, whenBusy: 'queue', maxQueued: 10_000, events: ['*'] },
  });
  await atRest(stores.log, stores.views);
  const arrivalsMs = new Map<string, number[]>();
  receiver.onArrival = (_, path) => {
    const of = arrivalsMs.get(path) ?? [];
    arrivalsMs.set(path, of);
    of.push(performance.now());
  };
  /** All at once, so that what is measured shares the machine with nobody who posts. */
  async function deliver(count: number): Promise<void> {
    const arrived = receiver.expect(made.length * (count + 1));
    const triggers = Array.from({ length: count + 1 }, () =>
      made.map(({ organizationId }) => published(organizationId)),
    );
    await stores.log.append(triggers.flat());
    await arrived;
    await atRest(stores.log, stores.views);
  }
  if (warmUp > 0) await deliver(asked.count(warmUp));
  arrivalsMs.clear();
  const fromMs = Date.now();
  await deliver(asked.count(queued));
  const byHistory = latenessMs(await startsSince(fromMs, stores.log), gapMs);
  const byArrival = latenessMs(arrivalsMs.values(), gapMs);
  const what = `queued webhooks, gap ${gapMs} ms: start after it is over`;
  const early = byHistory.filter((ms) => ms < 0).length;
  return [
    { name: `${what}, by history, p50`, value: percentile(byHistory, 0.5), unit: 'ms' },
    { name: `${what}, by history, p99`, value: percentile(byHistory, 0.99), unit: 'ms', aim: { most: 20 } },
    { name: `${what}, of ${byHistory.length}, early`, value: early, unit: 'webhooks', aim: NEVER },
    { name: `${what}, by arrival, p50`, value: percentile(byArrival, 0.5), unit: 'ms' },
    { name: `${what}, by arrival, p99`, value: percentile(byArrival, 0.99), unit: 'ms' },
    {
      name: `${what}, by arrival, the earliest`,
      value: byArrival[0] ?? Number.NaN,
      unit: 'ms',
      better: 'neither',
    },
  ];
}

const NEVER = { most: 0, inEachRun: true } as const;

function published(organizationId: OrganizationId): EventPublished {
  const event = { eventId: newId('evt'), organizationId, atMs: Date.now(), kind: 'log.bench', data: '{}' };
  return { type: 'EventPublished', ...event, ...UNKEYED };
}

/** When the attempts at each endpoint started since then, as the log has it. */
async function startsSince(fromMs: number, log: Pick<Log, 'read'>): Promise<Iterable<number[]>> {
  const starts = new Map<string, number[]>();
  for await (const { events } of log.read('outbound', { types: ['WebhookProcessed'] })) {
    for (const { event } of events) {
      if (event.type !== 'WebhookProcessed' || event.startedAtMs < fromMs) continue;
      const of = starts.get(event.endpointId) ?? [];
      starts.set(event.endpointId, of);
      of.push(event.startedAtMs);
    }
  }
  return starts.values();
}

/** By how much each came later than its gap after the one before it, the earliest first. */
function latenessMs(series: Iterable<readonly number[]>, gapMs: number): number[] {
  const late: number[] = [];
  for (const times of series) {
    const sorted = times.toSorted((a, b) => a - b);
    for (const [n, at] of sorted.entries()) {
      const before = sorted[n - 1];
      if (before !== undefined) late.push(at - before - gapMs);
    }
  }
  return late.sort((a, b) => a - b);
}
