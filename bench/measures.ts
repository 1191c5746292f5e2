// The measures of npm run bench. Each starts its own processes, warms them up, and stops them.

import { projections } from '../src/projections/all.ts';
import { rebuild, rebuildTogether } from '../src/projections/rebuild.ts';
import type { Asked } from './asked.ts';
import { insertBare } from './bare-rows.ts';
import { countCosts } from './costs.ts';
import type { Site } from './deployment.ts';
import { watchDisk } from './disk.ts';
import { postBytes, runLoad } from './load.ts';
import { errorPayload } from './payload.ts';
import { atRest } from './population.ts';
import { type Hooklane, runBareUndici, startBareFastify, startHooklane } from './processes.ts';
import { startBenchReceiver } from './receiver.ts';
import { type Measure, percentile } from './rows.ts';
import { CONNECTIONS, expectAll, openBeside, POSTS, pushThrough } from './through.ts';

/** Enough for the compiler of V8 to be done. */
const WARM_UP = 20_000;
const COUNT = 20_000;

/** Posts accepted a second, durable, all roles running, beside a bare Fastify route that stores nothing. */
export async function measurePosts(site: Site, asked: Asked): Promise<Measure[]> {
  const hooklane = await startHooklane(site);
  const { token } = await unlimited(hooklane);
  await postsPerSecond(hooklane.port, { token, count: asked.count(WARM_UP) });
  const count = asked.count(COUNT);
  const rest = await resting(hooklane);
  const costs = countCosts({ hooklane, site }, 'a post');
  const value = await postsPerSecond(hooklane.port, { token, count });
  await rest.reached();
  const costRows = costs(count);
  await rest.close();
  await hooklane.stop();
  const bare = await startBareFastify();
  await postsPerSecond(bare.port, { token, count: asked.count(WARM_UP) });
  const beside = await postsPerSecond(bare.port, { token, count });
  await bare.stop();
  return [
    {
      name: 'accepted posts, 64 connections',
      value,
      unit: 'posts/s',
      beside: { name: 'bare Fastify route', value: beside },
      aim: { least: isEmbedded(site) ? 0.5 : 0.4 },
    },
    ...costRows,
  ];
}

async function postsPerSecond(
  port: number,
  { token, count }: { token: string; count: number },
): Promise<number> {
  const request = (index: number) => postBytes(POSTS, token, errorPayload(index));
  const { seconds, statuses } = await runLoad({ port, request, connections: CONNECTIONS, count });
  expectAll(statuses, count);
  return count / seconds;
}

/** Events a second from the first post to the last delivery, beside a plain undici loop to the same receiver. */
export async function measurePipeline(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const { token, organizationId } = await unlimited(hooklane);
  await subscribe(hooklane, organizationId, receiver.url);
  const [warmUp, count] = [asked.count(WARM_UP), asked.count(COUNT)];
  const through = { hooklane, receiver, tokenOf: () => token };
  await pushThrough({ ...through, count: warmUp });
  const rest = await resting(hooklane);
  const costs = countCosts({ hooklane, site }, 'an event');
  const value = count / (await pushThrough({ ...through, count }));
  await rest.reached();
  const costRows = costs(count);
  await rest.close();
  await hooklane.stop();
  const bare = count / (await runBareUndici(receiver.url, { warmUp, count }));
  receiver.stop();
  return [
    {
      name: 'whole pipeline, gap 0, one endpoint',
      value,
      unit: 'events/s',
      beside: { name: 'bare undici loop', value: bare },
      aim: { least: isEmbedded(site) ? 0.33 : 0.2 },
    },
    ...costRows,
  ];
}

/** From the post of an error to the arrival of its webhook, at 200 a second. */
export async function measureLatency(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const { token, organizationId } = await unlimited(hooklane);
  await subscribe(hooklane, organizationId, receiver.url);
  const run = async (count: number): Promise<number[]> => {
    const postedMs: number[] = [];
    const latenciesMs: number[] = [];
    receiver.onArrival = (body) => {
      const index = Number(/of order (\d+)/.exec(body)?.[1]);
      latenciesMs.push(performance.now() - (postedMs[index] ?? Number.NaN));
    };
    const arrived = receiver.expect(count);
    const { statuses } = await runLoad({
      port: hooklane.port,
      request: (index) => {
        postedMs[index] = performance.now();
        return postBytes(POSTS, token, errorPayload(index));
      },
      connections: CONNECTIONS,
      count,
      perSecond: 200,
    });
    expectAll(statuses, count);
    await arrived;
    return latenciesMs.sort((a, b) => a - b);
  };
  await run(asked.count(400));
  const disk = await watchDisk();
  // Enough of them that the hundredth which is slowest is not one pause of the disk.
  const latenciesMs = await run(asked.count(10_000));
  const syncsMs = await disk.end();
  await hooklane.stop();
  receiver.stop();
  const row = (share: number, name: string, most: number): Measure => ({
    name: `post to delivery at 200/s, ${name}`,
    value: percentile(latenciesMs, share),
    unit: 'ms',
    aim: { most },
  });
  const ofDisk = (share: number, name: string): Measure => ({
    name: `4 KiB written and synced meanwhile, ten a second, ${name}`,
    value: percentile(syncsMs, share),
    unit: 'ms',
    better: 'neither',
  });
  const [p50, p99] = isEmbedded(site) ? [5, 25] : [60, 150];
  return [row(0.5, 'p50', p50), row(0.99, 'p99', p99), ofDisk(0.5, 'p50'), ofDisk(1, 'the longest')];
}

/** Topics that views are made of. */
const EVENTS_OF_VIEWS = ['inbound', 'organizations', 'outbound'] as const;
/** Posts whose events are read again. */
const REBUILT_POSTS = 50_000;

/**
 * Events of the log a second of a rebuild of all views together, and what that is where an event counts for each view that takes
 * it in; events of each view when it is rebuilt alone; and, on SQLite, the documents of all beside the same rows put bare into
 * SQLite.
 */
export async function measureRebuild(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const { token, organizationId } = await unlimited(hooklane);
  await subscribe(hooklane, organizationId, receiver.url);
  const count = asked.count(REBUILT_POSTS);
  await pushThrough({ hooklane, receiver, count, tokenOf: () => token });
  const stores = await openBeside(hooklane);
  const { log, views } = stores;
  const processed = [{ field: 'status', eq: 'processed' }];
  await settled(async () => (await views.count('deliveries', processed)) >= count);
  const startedMs = performance.now();
  const ofEach = await rebuildTogether(projections, { log, views });
  const seconds = (performance.now() - startedMs) / 1_000;
  const taken = ofEach.reduce((sum, count) => sum + count, 0);
  const ends = await Promise.all(EVENTS_OF_VIEWS.map((topic) => log.ends(topic)));
  const events = ends.flat().reduce((sum, end) => sum + end, 0);
  const each: { view: string; perSecond: number }[] = [];
  for (const projection of projections) {
    const fromMs = performance.now();
    const rebuilt = await rebuild(projection, { log, views });
    const perSecond = rebuilt.events / ((performance.now() - fromMs) / 1_000);
    each.push({ view: projection.definition.name, perSecond });
  }
  await stores.close();
  const slowest = each.toSorted((a, b) => a.perSecond - b.perSecond).slice(0, 3);
  const rebuilt: Measure[] = [
    {
      name: 'rebuild of all views, events of the log',
      value: events / seconds,
      unit: 'events/s',
      aim: { least: 50_000 },
    },
    { name: 'each counted for every view that takes it in', value: taken / seconds, unit: 'events/s' },
    ...slowest.map(({ view, perSecond }) => ({
      name: `of ${view} alone`,
      value: perSecond,
      unit: 'events/s',
      aim: { least: 50_000 },
    })),
  ];
  const bare =
    site.deployment === 'sqlite' ? insertBare(hooklane.environment.HOOKLANE_DATA ?? '') : undefined;
  await hooklane.stop();
  receiver.stop();
  if (bare === undefined) return rebuilt;
  const beside = { name: 'the same rows bare into SQLite', value: bare.rows / bare.seconds };
  const documents = { name: 'documents of all', value: bare.rows / seconds, unit: 'documents/s', beside };
  return [...rebuilt, { ...documents, aim: { least: 0.33 } }];
}

/** Organizations whose lanes wait for a takeover: so many that either dispatcher has some. */
const LANES = 16;
/** How often each is published to meanwhile. */
const PUBLISH_EVERY_MS = 50;

/** From the SIGKILL of one of two dispatchers to the next request of each lane: the longest of them. */
export async function measureTakeover(site: Site): Promise<Measure[]> {
  if (site.deployment !== 'apart') return [];
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const victim = await hooklane.add('dispatch');
  const organizations: string[] = [];
  for (let lane = 0; lane < LANES; lane++) {
    const { organizationId } = await unlimited(hooklane, `bench ${lane}`);
    await subscribe(hooklane, organizationId, receiver.url);
    organizations.push(organizationId);
  }
  const seenAtMs = new Map<string, number>();
  receiver.onArrival = (body) => seenAtMs.set(JSON.parse(body).organizationId, performance.now());
  let publishing = true;
  const publishers = organizations.map(async (id) => {
    while (publishing) {
      await hooklane.admin(`/organizations/${id}/events`, { kind: 'log.bench', data: {} });
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_EVERY_MS));
    }
  });
  const allSince = (sinceMs: number) =>
    settled(async () => organizations.every((id) => (seenAtMs.get(id) ?? 0) > sinceMs));
  await allSince(performance.now());
  const killedAtMs = performance.now();
  victim.kill('SIGKILL');
  await allSince(killedAtMs);
  const value = performance.now() - killedAtMs;
  publishing = false;
  await Promise.all(publishers);
  await hooklane.stop();
  receiver.stop();
  const name = 'SIGKILL of a dispatcher to the next request of each lane, session 10 s';
  return [{ name, value, unit: 'ms', aim: { most: 11_000 } }];
}

function isEmbedded({ deployment }: Site): boolean {
  return deployment === 'sqlite';
}

/**
 * What processor time is counted between: read models may fall behind, and what they cost an event is told only when they have
 * all of them. Resolves once that is so.
 */
async function resting(hooklane: Hooklane): Promise<{ reached(): Promise<void>; close(): Promise<void> }> {
  const { log, views, close } = await openBeside(hooklane);
  const reached = () => atRest(log, views);
  await reached();
  return { reached, close };
}

/** An organization with an integration that may post as it likes. */
export async function unlimited(
  { admin }: Hooklane,
  name = 'bench',
): Promise<{ token: string; organizationId: string }> {
  const { id: organizationId = '' } = await admin('/organizations', { name });
  const { id: projectId } = await admin(`/organizations/${organizationId}/projects`, { name: 'bench' });
  const rateLimits = { burst: null, sustained: null };
  const integration = { name: 'bench', rateLimits };
  const { publicSecret: token = '' } = await admin(`/projects/${projectId}/integrations`, integration);
  return { token, organizationId };
}

export async function subscribe({ admin }: Hooklane, organizationId: string, url: string): Promise<void> {
  await admin(`/organizations/${organizationId}/endpoints`, { url, events: ['log.*'], gap: '0s' });
}

export async function settled(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
