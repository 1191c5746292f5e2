// What is measured of lanes: a trigger among many, what a lane takes of the heap, how long a partition takes to be restored,
// and what a hot organization does to the others. And what organizations cost a process that serves the API, which knows all.

import { rmSync } from 'node:fs';
import { openDirectory } from '../../src/command/directory.ts';
import { createCapacity } from '../../src/dispatch/capacity.ts';
import { createCrank } from '../../src/dispatch/crank.ts';
import { createLanes as lanesInMemory } from '../../src/dispatch/lanes.ts';
import { createRestoring } from '../../src/dispatch/snapshot.ts';
import type { LaneRecord, LogReceived } from '../../src/events.ts';
import { UNKEYED } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { decode, encode } from '../../src/log/codec.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { record } from '../../src/record/record.ts';
import { createSecretBox, MASTER_KEY_BYTES } from '../../src/secrets.ts';
import { heapBytes } from '../heap.ts';
import { errorPayload } from '../payload.ts';
import { populate } from '../population.ts';
import { temporaryDirectory } from '../processes.ts';
import { percentile, spreadOf } from '../rows.ts';
import { BEGINS_AT_MS, createLanes, type Settings } from './lanes.ts';

const QUIET: Settings = { gapMs: 5_000, whenBusy: 'omit' };
/** Between two triggers of an organization: more than its gap, so that each is sent. */
const EVERY_MS = 10_000;
const TURN_EVENTS = 100;

export interface AmongMany {
  organizations: number;
  /** A quiet lane, of the heap. */
  laneBytes: number;
  /** Of one core: taken in, decided, started and finished, with its lane encoded; the median of tenths. */
  triggerUs: number;
}

/** Needs --expose-gc. */
export function measureAmong(organizations: number, triggers: number): AmongMany {
  const lanes = createLanes();
  lanes.add(QUIET);
  const before = heapBytes();
  while (lanes.organizations.length < organizations + 1) lanes.add(QUIET);
  const laneBytes = (heapBytes() - before) / organizations;
  let clockMs = BEGINS_AT_MS;
  let next = 0;
  const run = (count: number): number => {
    let tookMs = 0;
    let sent = 0;
    for (let n = 0; n < count; n += TURN_EVENTS) {
      clockMs += (TURN_EVENTS * EVERY_MS) / organizations;
      const nowMs = Math.floor(clockMs);
      const events = Array.from({ length: TURN_EVENTS }, () => {
        const organization = lanes.organizations[(next++ * 7_919) % organizations] ?? 'org_';
        return lanes.trigger(organization, nowMs);
      });
      const turned = lanes.turn(events, nowMs);
      tookMs += turned.tookMs;
      sent += turned.started.length;
    }
    if (sent !== count) throw new Error(`${sent} of ${count} triggers were sent`);
    return (1_000 * tookMs) / count;
  };
  run(triggers / 5);
  const tenths = Array.from({ length: 10 }, () => run(triggers / 10));
  return { organizations, laneBytes, triggerUs: spreadOf(tenths).value };
}

export interface Restored {
  lanes: number;
  /** Of the compacted topic, without what the engine adds. */
  recordBytes: number;
  /** From the first read to the crank that can be turned. */
  seconds: number;
}

/** A partition of so many lanes, read from a real log as a new owner does. */
export async function measureRestore(count: number): Promise<Restored> {
  const directory = temporaryDirectory();
  const log = openSqliteLog({ directory, serve: false, partitions: 1 });
  const lanes = createLanes();
  let saved: LaneRecord[] = [];
  let bytes = 0;
  for (let n = 0; n < count; n++) {
    const [lane] = lanes.add(QUIET).turned.lanes;
    if (lane === undefined || lane.type === 'PendingDropped') throw new Error('a lane was not saved');
    bytes += encode(lane).length;
    saved.push(lane);
    if (saved.length < 5_000) continue;
    await log.append(saved);
    saved = [];
  }
  await log.append(saved);
  const fromMs = performance.now();
  const restored = lanesInMemory();
  const restoring = createRestoring(restored, 2_000);
  for await (const batch of log.read('lanes', { partition: 0 }))
    for (const { event } of batch.events) restoring.take(event, BEGINS_AT_MS);
  restoring.end(BEGINS_AT_MS);
  const options = { capacity: createCapacity(), disableAfterMs: Number.POSITIVE_INFINITY };
  createCrank(restored, options, BEGINS_AT_MS);
  const seconds = (performance.now() - fromMs) / 1_000;
  const size = [...restored.values()].length;
  if (size !== count) throw new Error(`${size} lanes were restored, of ${count}`);
  await log.close();
  rmSync(directory, { recursive: true });
  return { lanes: count, recordBytes: bytes / count, seconds };
}

export interface Known {
  organizations: number;
  /** One with a project, an integration and an endpoint, of the heap. */
  organizationBytes: number;
  /** Until all are known, from a log that holds nothing else. */
  seconds: number;
}

/** The directory of so many organizations, read from a real log as a start does. Needs --expose-gc. */
export async function measureDirectory(organizations: number): Promise<Known> {
  const directory = temporaryDirectory();
  const written = openSqliteLog({ directory, serve: false, partitions: 1 });
  await populate({
    log: written,
    secrets: createSecretBox([Buffer.alloc(MASTER_KEY_BYTES)]),
    count: organizations,
    url: (index) => `https://hooks${index}.example.com/hooklane`,
    settings: { ...QUIET, maxQueued: 100, events: ['log.*'] },
  });
  await written.close();
  // As another process has it: what was just written is not in memory.
  const log = openSqliteLog({ directory, serve: false });
  const before = heapBytes();
  const fromMs = performance.now();
  const known = await openDirectory({ log });
  const seconds = (performance.now() - fromMs) / 1_000;
  const organizationBytes = (heapBytes() - before) / organizations;
  if (known.state.endpoints.size !== organizations) throw new Error('not all are known');
  await known.close();
  await log.close();
  rmSync(directory, { recursive: true });
  return { organizations, organizationBytes, seconds };
}

/** How many organizations share the partition with the hot one, and how many triggers a second they have together. */
const OTHERS = 10_000;
const OTHERS_PER_SECOND = 1_000;
/** Longer than gaps, so that what waits for them is sent as well. */
const SECONDS = 30;
/** What a commit takes, of the made-up clock: a transaction of Kafka. */
const COMMIT_MS = 20;
/** Events of a turn, as the dispatcher has it. */
const MOST_EVENTS = 500;

export interface Hot {
  gapMs: number;
  whenBusy: Settings['whenBusy'];
  /** Triggers a second of the hot organization. */
  perSecond: number;
  /** What of them is sent. */
  sentPerSecond: number;
  /** Of the others: from when it came to when its request may leave, behind its commit. */
  p50Ms: number;
  p99Ms: number;
  /** Of the made-up time, how much the crank took. */
  busy: number;
}

/** A partition that others share with a hot organization. The clock moves on by what a turn takes here, and its commit. */
export function measureHot(settings: Settings, perSecond: number): Hot {
  const lanes = createLanes();
  const hot = lanes.add(settings).id;
  while (lanes.organizations.length < OTHERS + 1) lanes.add(QUIET);
  const arrivals = arrivalsOf(perSecond).map(({ atMs, index }) => {
    const id = index === undefined ? hot : (lanes.organizations[1 + (index % OTHERS)] ?? hot);
    return { atMs, id, isHot: index === undefined };
  });
  const cameMs = new Map<string, number>();
  const delaysMs: number[] = [];
  let nowMs = BEGINS_AT_MS;
  let busyMs = 0;
  let hotSent = 0;
  for (let at = 0; at < arrivals.length; ) {
    nowMs = Math.max(nowMs, arrivals[at]?.atMs ?? nowMs);
    const events: Buffer[] = [];
    for (; at < arrivals.length && events.length < MOST_EVENTS; at++) {
      const next = arrivals[at];
      if (next === undefined || next.atMs > nowMs) break;
      if (!next.isHot) cameMs.set(next.id, next.atMs);
      events.push(lanes.trigger(next.id, Math.floor(next.atMs)));
    }
    const { tookMs, started } = lanes.turn(events, Math.floor(nowMs));
    busyMs += tookMs;
    nowMs += tookMs + COMMIT_MS;
    for (const id of started) {
      if (id === hot) hotSent++;
      const came = cameMs.get(id);
      if (came !== undefined) delaysMs.push(nowMs - came);
    }
  }
  delaysMs.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [percentile(delaysMs, 0.5), percentile(delaysMs, 0.99)];
  const passedMs = nowMs - BEGINS_AT_MS;
  const sentPerSecond = (1_000 * hotSent) / passedMs;
  return { ...settings, perSecond, sentPerSecond, p50Ms, p99Ms, busy: busyMs / passedMs };
}

/** Evenly over the time; of the hot organization without an index. */
function arrivalsOf(hotPerSecond: number): { atMs: number; index?: number }[] {
  const every = (perSecond: number) =>
    Array.from({ length: perSecond * SECONDS }, (_, n) => BEGINS_AT_MS + (n * 1_000) / perSecond);
  const others = every(OTHERS_PER_SECOND).map((atMs, index) => ({ atMs, index }));
  return [...others, ...every(hotPerSecond).map((atMs) => ({ atMs }))].sort((a, b) => a.atMs - b.atMs);
}

/** Microseconds of one core to record a post: decoded, made a log, encoded. */
export function measureRecord(posts: number): number {
  const ids = { organizationId: newId('org'), projectId: newId('prj'), integrationId: newId('int') };
  const bytes = Array.from({ length: 1_000 }, (_, n) => {
    const came = { receivedAtMs: BEGINS_AT_MS, headers: {}, body: Buffer.from(errorPayload(n)) };
    const received: LogReceived = {
      type: 'LogReceived',
      id: newId('in'),
      ...ids,
      ...came,
      imported: false,
      ...UNKEYED,
    };
    return encode(received);
  });
  const run = (count: number) => {
    const fromMs = performance.now();
    for (let n = 0; n < count; n++) {
      const received = decode(bytes[n % bytes.length] ?? Buffer.alloc(0)) as LogReceived;
      encode(record(received, { nowMs: BEGINS_AT_MS, partition: 0, offset: n }));
    }
    return (1_000 * (performance.now() - fromMs)) / count;
  };
  run(posts / 5);
  return spreadOf(Array.from({ length: 10 }, () => run(posts / 10))).value;
}
