// Pruning the log: what was made before some time goes, beside a server that works. What is still to be done with it is
// looked for first, and nothing is taken out while there is any.
//
// The order makes it safe to be killed anywhere, and to be run again: first read models forget, so that no answer has
// what may have gone; then the log notes the time, and who has it done; then events go, some at a time, each time with what
// stands for them.
//
// Nobody waits meanwhile, so something old may still be written: a retry that an operator has just asked for. It stands
// behind the ends that are looked up before anything else, and stays.

import { setTimeout as delay } from 'node:timers/promises';
import { type LaneRecord, TOPICS, type Topic } from '../events.ts';
import { timeOf } from '../ids.ts';
import type { Log, Pruning } from '../log/log.ts';
import { type Clock, toIso } from '../time.ts';
import type { Views } from '../views/views.ts';
import type { Projection } from './projection.ts';
import { createPartitionPruning, historyIdOf } from './pruning.ts';

export interface PruneOptions {
  log: Pick<Log, 'partitions' | 'read' | 'ends' | 'positions' | 'pruning' | 'append'>;
  views: Pick<Views, 'forget' | 'positions'>;
  projections: readonly Projection[];
  /** What was made before goes; in milliseconds since 1970. */
  beforeMs: number;
  /** Changes nothing, and says what it would do. */
  dryRun: boolean;
  /** Who has it done, as events say it. */
  by: string;
  clock: Clock;
  /** Called after each batch: offsets that were gone through, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** Stops it between two batches: what has gone is gone, and it can be run again. */
  signal?: AbortSignal;
}

type PrunedTopic = Exclude<Topic, 'lanes'>;

/** What was taken out of a topic, or would be. */
export interface Pruned {
  topic: PrunedTopic;
  events: number;
  /** Of them, by type. */
  types: Record<string, number>;
  /** Of their records, less those of what stands for them; 0 of a dry run. */
  bytes: number;
}

/** The log cannot be pruned now, and why. For people. */
export class PruneRefused extends Error {
  readonly code = 'PRUNE_REFUSED';
  constructor(message: string) {
    super(message);
    this.name = 'PruneRefused';
  }
}

const PRUNED_TOPICS = TOPICS.filter((topic): topic is PrunedTopic => topic !== 'lanes');
/** Events that are gone through, and taken out, at a time: some milliseconds in which the server cannot write. */
const BATCH_EVENTS = 500;

/** Rejects with PruneRefused, LogUnavailable, LogRefused or ViewsUnavailable, and the signal's reason. */
export async function prune(options: PruneOptions): Promise<Pruned[]> {
  const { log, views, projections, beforeMs, dryRun, by, clock } = options;
  const { pruning } = log;
  if (pruning === undefined) {
    throw new PruneRefused(
      'this log cannot be pruned: on Kafka, set how long topics keep events (HOOKLANE_KAFKA_RETENTION)',
    );
  }
  const ends = await Promise.all(PRUNED_TOPICS.map((topic) => log.ends(topic)));
  await ensureNothingIsOpen(options);
  if (!dryRun) {
    for (const { definition } of projections) {
      if (definition.history !== undefined) await views.forget(definition.name, beforeMs);
    }
    await pruning.begin(beforeMs);
    await log.append([{ type: 'HistoryPruned', organizationId: null, beforeMs, atMs: clock(), by }]);
  }
  return pruneTopics({ pruning, ends }, options);
}

async function pruneTopics(
  { pruning, ends }: { pruning: Pruning; ends: readonly (readonly number[])[] },
  { log, beforeMs, dryRun, onProgress, signal }: PruneOptions,
): Promise<Pruned[]> {
  const total = ends.flat().reduce((sum, end) => sum + end, 0);
  let before = 0;
  const all: Pruned[] = [];
  for (const [i, topic] of PRUNED_TOPICS.entries()) {
    const pruned: Pruned = { topic, events: 0, types: {}, bytes: 0 };
    all.push(pruned);
    for (const [partition, end] of (ends[i] ?? []).entries()) {
      const plan = createPartitionPruning(beforeMs);
      for await (const batch of log.read(topic, { partition, batch: BATCH_EVENTS })) {
        signal?.throwIfAborted();
        const startedMs = performance.now();
        const { remove, put } = plan.take(batch.events, end);
        const gone = new Set([...remove, ...put.map(({ offset }) => offset)]);
        for (const { event, offset } of batch.events) {
          if (!gone.has(offset) || historyIdOf(event) === undefined) continue;
          pruned.events++;
          pruned.types[event.type] = (pruned.types[event.type] ?? 0) + 1;
        }
        if (gone.size > 0 && !dryRun) {
          pruned.bytes += await pruning.rewrite({ topic, partition, remove, put });
          // The server writes as well: no more than half of the time is ours.
          await delay(performance.now() - startedMs);
        }
        onProgress?.(before + Math.min(batch.next, end), total);
        if (batch.next >= end) break;
      }
      before += end;
    }
  }
  return all;
}

// ── what is still open ──────────────────────────────────────────────────────────────────────────────────────

/** Takes what is still open in, of when what it needs was made. */
type Tell = (sinceMs: number, what: () => string) => void;

/** Rejects with PruneRefused, which says until when it would do. */
async function ensureNothingIsOpen(options: PruneOptions): Promise<void> {
  const { log, views, projections, beforeMs } = options;
  let count = 0;
  let oldest: { what: string; sinceMs: number } | undefined;
  const tell: Tell = (sinceMs, what) => {
    if (sinceMs >= beforeMs) return;
    count++;
    if (oldest === undefined || sinceMs < oldest.sinceMs) oldest = { what: what(), sinceMs };
  };
  for (const [group, topic] of [
    ['recorder', 'inbound'],
    ['dispatcher', 'organizations'],
  ] as const) {
    await tellUnread(log, { who: `the ${group}`, topic, positions: await log.positions(group, topic) }, tell);
  }
  for (const { definition } of projections) {
    const read = await views.positions(definition.name);
    for (const topic of PRUNED_TOPICS.filter((one) => definition.topics.includes(one))) {
      const positions = Array.from(
        { length: log.partitions },
        (_, partition) => read[topic]?.[partition] ?? 0,
      );
      await tellUnread(log, { who: `the read model ${definition.name}`, topic, positions }, tell);
    }
  }
  // Last: what was read has its lane by now, as both are one step.
  for await (const { events } of log.read('lanes')) for (const { event } of events) tellOpen(event, tell);
  if (oldest === undefined) return;
  const others = count === 1 ? '' : `, and there are ${count - 1} more`;
  const would = oldest.sinceMs === 0 ? '' : `; --before ${toIso(oldest.sinceMs)} would do`;
  throw new PruneRefused(`nothing is taken out, as ${oldest.what}${others}${would}`);
}

/** What a lane has still to do: with a webhook, since what it tells of was made. */
function tellOpen(record: LaneRecord, tell: Tell): void {
  if (record.type === 'PendingSaved') {
    const { webhookId, eventId } = record;
    tell(Math.min(timeOf(webhookId), timeOf(eventId)), () => `${webhookId} is pending`);
  }
  if (record.type !== 'LaneSaved') return;
  if (record.importing !== null) tell(0, () => `${record.organizationId} is being imported`);
  for (const { endpointId, digest } of record.endpoints) {
    if (digest !== null) tell(digest.sinceMs, () => `a digest for ${endpointId} is still to be sent`);
  }
}

/** What somebody has still to read, who goes on from these positions. */
async function tellUnread(
  log: Pick<Log, 'read'>,
  { who, topic, positions }: { who: string; topic: PrunedTopic; positions: readonly number[] },
  tell: Tell,
): Promise<void> {
  for await (const { events } of log.read(topic, { from: { ...positions } })) {
    for (const { event } of events) {
      const id = historyIdOf(event);
      if (id !== undefined) tell(timeOf(id), () => `${who} has not read ${id} yet`);
    }
  }
}
