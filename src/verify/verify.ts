// The loop: reads the topics, beside whoever works them off, and hands their events to the checks. It only reads.
//
//   up to where   positions of the groups first, then the ends of outbound, organizations and inbound: so what was made
//                 of something is never read without that, and what was taken in by then has been worked off
//   in which      organizations before outbound, a partition at a time, as both are of the same organizations; then
//   order         inbound. What is missing afterwards is named by reading organizations once more
//   memory        ids of a partition are remembered, some 50 bytes each; where there are more than MAX_IDS, the partition is
//                 read several times, for a portion of all ids each time. On top of that, what is open and what is
//                 known of each organization and endpoint

import type { EventType } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import type { Log, StoredEvent } from '../log/log.ts';
import { partitionOf } from '../log/partitioner.ts';
import { createBirths } from './births.ts';
import { createDigests } from './digests.ts';
import { createGaps } from './gaps.ts';
import { createLives } from './lives.ts';
import { createPlaces, type Places } from './places.ts';
import { createRecords, RECORD_TYPES, type Records } from './records.ts';
import { createFindings, createSweep, type Open, type Report, type Sweep } from './report.ts';
import { createSubscriptions } from './subscriptions.ts';
import { isOfWebhook } from './told.ts';

export interface VerifyOptions {
  /** Only this organization; default: all of them. */
  organizationId?: OrganizationId | undefined;
  /** Findings that are told of at most; all are counted. Default: 20. */
  limit?: number;
  /** What was made before this time, in milliseconds since 1970, is not missed. Default: what was pruned is not. */
  horizonMs?: number;
  /** Ids of a partition that are remembered at a time, about. */
  maxIds?: number;
  /** Called now and then: offsets read, of how many as known so far. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

export type VerifiedLog = Pick<Log, 'partitions' | 'read' | 'ends' | 'positions' | 'pruning'>;

const MAX_FINDINGS = 20;
const MAX_IDS = 4_000_000;

/** Up to where the log is judged, by partition. */
interface Bounds {
  recorded: readonly number[];
  dispatched: readonly number[];
  ends: Readonly<Record<'inbound' | 'organizations' | 'outbound', readonly number[]>>;
}

/**
 * Holds the log to the invariants of the design. Rejects with LogUnavailable or LogRefused, or with the signal's reason.
 */
export async function verify({ log }: { log: VerifiedLog }, options: VerifyOptions = {}): Promise<Report> {
  for (;;) {
    const prunedBeforeMs = (await log.pruning?.prunedBeforeMs()) ?? 0;
    const report = await verifyOnce(log, { ...options, horizonMs: options.horizonMs ?? prunedBeforeMs });
    // Pruned meanwhile: what is missed may have just gone.
    if (((await log.pruning?.prunedBeforeMs()) ?? 0) === prunedBeforeMs) return report;
  }
}

async function verifyOnce(
  log: VerifiedLog,
  options: VerifyOptions & Required<Pick<VerifyOptions, 'horizonMs'>>,
): Promise<Report> {
  const { limit = MAX_FINDINGS, horizonMs } = options;
  const bounds = await boundsOf(log);
  const plan = planOf(log, bounds, options);
  const reader = createReader(log, bounds, { ...options, total: plan.offsets });
  const findings = createFindings(limit);
  const open: Open = { toRecord: 0, toDispatch: 0, pending: 0, clocksPutBack: 0 };
  const sweepOf = (portion: number, portions: number) =>
    createSweep({ findings, open, horizonMs, portion, portions });
  const places = createPlaces(sweepOf(0, 1), log.partitions);

  const records = createRecords(sweepOf(0, plan.inboundPortions));
  for (const { partition, portions } of plan.partitions) {
    for (let portion = 0; portion < portions; portion++) {
      const once = portion === 0 ? { places, records } : undefined;
      await sweepPartition(partition, sweepOf(portion, portions), { reader, bounds, once });
    }
  }
  await sweepInbound(records, { reader, bounds, once: { places } });
  for (let portion = 1; portion < plan.inboundPortions; portion++) {
    const more = createRecords(sweepOf(portion, plan.inboundPortions));
    await eachRecord(reader, bounds, more.takeRecord);
    await sweepInbound(more, { reader, bounds });
  }
  const report = findings.report();
  const events = report.checks.find(({ name }) => name === 'places')?.checked ?? 0;
  return { events, ...report, open };
}

async function boundsOf(log: VerifiedLog): Promise<Bounds> {
  const recorded = await log.positions('recorder', 'inbound');
  const dispatched = await log.positions('dispatcher', 'organizations');
  const outbound = await log.ends('outbound');
  const organizations = await log.ends('organizations');
  const inbound = await log.ends('inbound');
  return { recorded, dispatched, ends: { inbound, organizations, outbound } };
}

/** How often what is read: for how many portions of all ids. */
interface Plan {
  /** Of topics organizations and outbound. */
  partitions: { partition: number; portions: number }[];
  inboundPortions: number;
  /** How many offsets that makes, all in all. */
  offsets: number;
}

/** A partition holds about as many ids as events. */
function planOf(
  { partitions: count }: VerifiedLog,
  { ends }: Bounds,
  { organizationId, maxIds = MAX_IDS }: VerifyOptions,
): Plan {
  const portionsOf = (ids: number) => Math.max(1, Math.ceil(ids / maxIds));
  const own = organizationId === undefined ? undefined : partitionOf(organizationId, count);
  const partitions: Plan['partitions'] = [];
  const inbound = sum(ends.inbound);
  const inboundPortions = portionsOf(inbound);
  let offsets = inbound + (inboundPortions - 1) * (inbound + sum(ends.organizations));
  for (let partition = 0; partition < count; partition++) {
    if (own !== undefined && own !== partition) continue;
    const events = (ends.organizations[partition] ?? 0) + (ends.outbound[partition] ?? 0);
    const portions = portionsOf(events);
    partitions.push({ partition, portions });
    offsets += portions * events;
  }
  return { partitions, inboundPortions, offsets };
}

interface Around {
  reader: Reader;
  bounds: Bounds;
  /** What sees each event once, however often it is read. */
  once?: { places: Places; records?: Records } | undefined;
}

/** All that is told of the organizations of a partition: their triggers, and their webhooks. */
async function sweepPartition(
  partition: number,
  sweep: Sweep,
  { reader, bounds, once }: Around,
): Promise<void> {
  const subscriptions = createSubscriptions();
  const births = createBirths(sweep);
  const lives = createLives(sweep);
  const gaps = createGaps(sweep);
  const digests = createDigests(sweep);
  await reader.each('organizations', partition, (stored) => {
    once?.places.take(stored);
    once?.records?.takeRecord(stored);
    births.expect(stored, subscriptions.take(stored));
    if (stored.event.type === 'WebhookRetryRequested') lives.takeRequest(stored.event);
  });
  await reader.each('outbound', partition, (stored) => {
    once?.places.take(stored);
    if (!isOfWebhook(stored)) return;
    const { organizationId, endpointId, atMs } = stored.event;
    births.take(stored);
    const least = () => subscriptions.leastOf(endpointId, births.reached(organizationId), atMs);
    lives.take(stored, least);
    gaps.take(stored, least);
    digests.take(stored);
  });
  sweep.open.pending += lives.pending();
  if (!births.areMissing()) return;
  const again = createSubscriptions();
  const dispatched = bounds.dispatched[partition] ?? 0;
  await reader.each('organizations', partition, (stored) =>
    births.nameMissing(stored, again.take(stored), dispatched),
  );
}

/** What was received, once it is known what was recorded. */
async function sweepInbound(records: Records, { reader, bounds, once }: Around): Promise<void> {
  for (const [partition, recorded] of bounds.recorded.entries()) {
    await reader.each('inbound', partition, (stored) => {
      once?.places.take(stored);
      records.takeReceived(stored, recorded);
    });
  }
  if (records.hasOrphans()) await eachRecord(reader, bounds, records.nameOrphan);
}

async function eachRecord(
  reader: Reader,
  { dispatched }: Bounds,
  take: (stored: StoredEvent<'organizations'>) => void,
): Promise<void> {
  for (const partition of dispatched.keys())
    await reader.each('organizations', partition, take, RECORD_TYPES);
}

interface Reader {
  /** Reads a partition up to where it is judged, as far as it is about the organization that was asked for. */
  each<T extends keyof Bounds['ends']>(
    topic: T,
    partition: number,
    take: (stored: StoredEvent<T>) => void,
    types?: readonly EventType[],
  ): Promise<void>;
}

function createReader(
  log: VerifiedLog,
  { ends }: Bounds,
  { organizationId, onProgress, signal, total }: VerifyOptions & { total: number },
): Reader {
  let done = 0;
  return {
    async each(topic, partition, take, types) {
      const end = ends[topic][partition] ?? 0;
      let at = 0;
      const narrowed = {
        ...(types === undefined ? {} : { types }),
        ...(organizationId === undefined ? {} : { mentions: organizationId }),
      };
      for await (const { events, next } of log.read(topic, { partition, ...narrowed })) {
        signal?.throwIfAborted();
        for (const stored of events) {
          if (stored.offset >= end) break;
          if (organizationId === undefined || stored.event.organizationId === organizationId) take(stored);
        }
        done += Math.min(next, end) - at;
        at = Math.min(next, end);
        onProgress?.(done, Math.max(done, total));
        if (next >= end) return;
      }
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
