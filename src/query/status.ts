// How it stands: how long the topics are and how far everybody has read them, what the lanes do and what is due, how
// endpoints are, how large the stores are, and whether all that is well (health.ts). Changes nothing. Takes a few seconds
// at most, however much there is: what is counted is counted to a bound, what is read is read for so long.

import type { Topic } from '../events.ts';
import type { Log } from '../log/log.ts';
import { type Clock, toIso } from '../time.ts';
import type { Document, ViewDefinition, Views } from '../views/views.ts';
import { viewsAhead } from './ahead.ts';
import type { Behind, Facts, OldestPending } from './facts.ts';
import { judge, type StatusProblem } from './health.ts';
import { createLags, type Lag, type Lags, together } from './lag.ts';
import { type LanesSummary, readLanes } from './lanes.ts';
import { takeUntil } from './take.ts';

export interface Status extends Facts {
  /** When it was so. */
  at: string;
  healthy: boolean;
  problems: StatusProblem[];
}

export interface StatusOptions {
  log: Pick<Log, 'ends' | 'partitions' | 'positions' | 'read' | 'served' | 'size' | 'sizes'>;
  views: Pick<Views, 'count' | 'first' | 'positions' | 'size'>;
  /** Of the views that the projector keeps. */
  definitions: readonly Pick<ViewDefinition, 'name' | 'topics'>[];
  clock: Clock;
}

const OUTBOUND_STATUSES = ['pending', 'processed', 'omitted', 'error'] as const;
const FOLLOWED = ['inbound', 'organizations', 'outbound'] as const;
/** Documents of a kind that are counted. */
const COUNTED_TO = 100_000;
/** For how long lags, and lanes, are read. */
const LAGS_WITHIN_MS = 1_000;
const LANES_WITHIN_MS = 3_000;

/** Reads the status. Rejects with what the stores reject with. */
export async function readStatus(options: StatusOptions): Promise<Status> {
  const { log, views, clock } = options;
  const lags = createLags(log, performance.now() + LAGS_WITHIN_MS);
  const behind = await readGroups(options, lags);
  const nowMs = clock();
  const { complete, ...lanes } = await summarizeLanes(log, nowMs);
  const oldestPending = oldestOf(
    await views.first('deliveries', [{ field: 'status', eq: 'pending' }]),
    nowMs,
  );
  const facts: Facts = {
    serving: await log.served(),
    topics: await readTopics(log, lags),
    ...behind,
    ahead: await viewsAhead(options),
    deliveries: await countDeliveries(views),
    logs: await views.count('logs', [], COUNTED_TO),
    countedTo: COUNTED_TO,
    oldestPending,
    oldestPendingAt: oldestPending?.createdAt ?? null,
    lanes: lanes.lanes,
    importing: lanes.importing,
    laneStates: lanes.states,
    timers: lanes.timers,
    endpoints: lanes.endpoints,
    complete,
    logBytes: await log.size(),
    viewsBytes: await views.size(),
  };
  const problems = judge(facts);
  const healthy = problems.every(({ level }) => level !== 'unhealthy');
  return { at: toIso(nowMs), healthy, problems, ...facts };
}

/** As readStatus(), for many who ask: those who ask while it is read are given the same answer. */
export function shareStatus(options: StatusOptions): () => Promise<Status> {
  let reading: Promise<Status> | undefined;
  return () => {
    reading ??= readStatus(options).finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

/** Lanes, for so long as is allowed. */
export async function summarizeLanes(
  log: Pick<Log, 'read'>,
  nowMs: number,
): Promise<LanesSummary & { complete: boolean }> {
  const reading = readLanes(nowMs);
  let last = 0;
  const complete = await takeUntil(
    log.read('lanes'),
    performance.now() + LANES_WITHIN_MS,
    ({ partition, events }) => {
      if (partition !== last) reading.settle();
      last = partition;
      for (const { event } of events) reading.take(event);
      return undefined;
    },
  );
  return { ...reading.summary(), complete };
}

async function readTopics(log: StatusOptions['log'], { ends }: Lags): Promise<Facts['topics']> {
  const sizes = await log.sizes();
  const topics: Facts['topics'] = [];
  for (const topic of [...FOLLOWED, 'lanes'] as const) {
    const found = await ends(topic);
    const events = found.reduce((sum, end) => sum + end, 0);
    topics.push({ topic, partitions: log.partitions, events, ends: found, bytes: sizes?.[topic] ?? null });
  }
  return topics;
}

async function readGroups(
  { log, views, definitions, clock }: StatusOptions,
  lags: Lags,
): Promise<Pick<Facts, 'groups' | 'views'>> {
  const shown = ({ oldestAtMs, ...lag }: Lag): Behind => ({
    ...lag,
    lagMs: oldestAtMs === null ? null : Math.max(0, clock() - oldestAtMs),
  });
  const groups: Facts['groups'] = [];
  for (const [group, topic] of [
    ['recorder', 'inbound'],
    ['dispatcher', 'organizations'],
  ] as const) {
    const positions = { ...(await log.positions(group, topic)) };
    groups.push({ group, topic, ...shown(await lags.behind(topic, positions)) });
  }
  const byView = new Map<string, { topic: Topic; lag: Lag }[]>();
  for (const { name, topics } of definitions) {
    const positions = await views.positions(name);
    const own: { topic: Topic; lag: Lag }[] = [];
    for (const topic of topics) own.push({ topic, lag: await lags.behind(topic, positions[topic] ?? {}) });
    byView.set(name, own);
  }
  for (const topic of FOLLOWED) {
    const own = [...byView.values()].flat().filter((one) => one.topic === topic);
    const slowest = own.map(({ lag }) => lag).toSorted((a, b) => b.lag - a.lag)[0] ?? together([]);
    groups.push({ group: 'projector', topic, ...shown(slowest) });
  }
  return {
    groups,
    views: [...byView].map(([view, own]) => ({ view, ...shown(together(own.map(({ lag }) => lag))) })),
  };
}

async function countDeliveries(views: StatusOptions['views']): Promise<Facts['deliveries']> {
  const count = (status: string) => views.count('deliveries', [{ field: 'status', eq: status }], COUNTED_TO);
  const [pending = 0, processed = 0, omitted = 0, error = 0] = await Promise.all(
    OUTBOUND_STATUSES.map(count),
  );
  return { pending, processed, omitted, error };
}

function oldestOf(document: Document | undefined, nowMs: number): OldestPending | null {
  if (document === undefined) return null;
  const text = (field: string) => String(document[field] ?? '');
  const createdAt = text('createdAt');
  return {
    id: document.id,
    organizationId: text('organizationId'),
    endpointId: text('endpointId'),
    event: text('event'),
    createdAt,
    ageMs: Math.max(0, nowMs - Date.parse(createdAt)),
  };
}
