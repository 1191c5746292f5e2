// The dispatcher: turns one crank for each partition of topic organizations that this process owns.
//
//     wait for (new events | finished requests | a due timer)
//     decide   everything that is there, at one `now`, and what is due within the time that a commit takes
//     commit   events, lanes and input position in one transaction      ◀── fenced here: a loser changes nothing
//     act      only now the requests leave whose AttemptStarted is durable, each when its time has come
//
// It never waits for a request. After a commit that failed because the log was away, the same commit is tried
// until it succeeds: nothing has left, so nothing can be lost or doubled.

import type { Logger } from 'pino';
import type { LaneSaved } from '../events.ts';
import { Fenced, type Log, type Partition, type StoredEvent } from '../log/log.ts';
import { patiently } from '../log/patience.ts';
import { pauseUntil } from '../log/pause.ts';
import { type LaneSecrets, secretsOfLane } from '../sealed.ts';
import { type Time, watchSteps } from '../time.ts';
import { createAhead } from './ahead.ts';
import { type Capacity, createCapacity } from './capacity.ts';
import { type Crank, createCrank } from './crank.ts';
import { createIntake } from './intake.ts';
import type { Outcome } from './lane.ts';
import { createLanes } from './lanes.ts';
import { logTurn } from './report.ts';
import type { Request } from './request.ts';
import type { Sender } from './send.ts';
import { createRestoring } from './snapshot.ts';

/** Events taken in a turn. */
const MAX_EVENTS = 500;
/** While something is due within SOON_MS: it would wait until all of them are committed. */
const FEW_EVENTS = 100;
/** Longer than a turn of MAX_EVENTS takes. */
const SOON_MS = 100;
/** Node's longest timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Some 8 MB of heap, and up to twice as much. */
const QUIET_LANES = 10_000;

export interface DispatcherOptions {
  log: Pick<Log, 'join' | 'read' | 'latest'>;
  sender: Sender;
  time: Time;
  logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** By how much the clocks of the hosts that may own a partition differ; 0 on one host. */
  skewMs: number;
  /** For how long an endpoint may do nothing but fail before it is disabled; Infinity: for ever. */
  disableAfterMs: number;
  /** Quiet lanes that each partition keeps in memory at least, where the log can give them back; default: 10,000. */
  quietLanes?: number;
}

export interface Dispatcher {
  /** Rejects when the dispatcher fails for a reason that is not the log's being away. */
  readonly ended: Promise<void>;
  /**
   * Starts nothing more, waits for what is in flight, `withinMs` at most, and commits its outcomes. What is
   * still in flight then is tried again at the next start.
   */
  close(withinMs: number): Promise<void>;
}

export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { log, sender, time } = options;
  const capacity = createCapacity();
  const closing = { draining: false };
  const loops = new Set<PartitionLoop>();
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    const loop = await openPartition(partition, { ...options, capacity, closing, wakeAll });
    loops.add(loop);
    try {
      await loop.run();
    } finally {
      loops.delete(loop);
    }
  });

  /** The capacity that one partition gives back may be what another one waits for. */
  function wakeAll(): void {
    for (const loop of loops) loop.wake();
  }

  return {
    ended: membership.ended,
    async close(withinMs) {
      closing.draining = true;
      wakeAll();
      const callOff = time.after(withinMs, () => void membership.close());
      await Promise.all([...loops].map((loop) => loop.drained));
      callOff();
      await membership.close();
      await sender.close();
    },
  };
}

interface PartitionLoop {
  run(): Promise<void>;
  wake(): void;
  /** Resolves when, after draining was asked for, nothing is in flight or the partition is lost. */
  readonly drained: Promise<void>;
}

interface LoopOptions extends DispatcherOptions {
  capacity: Capacity;
  closing: { draining: boolean };
  wakeAll: () => void;
}

async function openPartition(
  partition: Partition<'organizations'>,
  options: LoopOptions,
): Promise<PartitionLoop> {
  const { log, sender, time, logger, capacity, closing, wakeAll } = options;
  const intake = createIntake();
  const finished: { request: Request; outcome: Outcome }[] = [];
  const { promise: drained, resolve: markDrained } = Promise.withResolvers<void>();
  let { position } = partition;
  /** What was read and is not taken in yet, as a turn was full. */
  let left: StoredEvent<'organizations'>[] = [];
  const stepped = watchSteps(time);
  const ahead = createAhead();
  /** Since when there is something to do without reading on. */
  let wokenAtMs: number | undefined;
  let callOffTimer = () => {};
  /** Why nothing more can be sent. */
  let failure: Error | undefined;

  const available = patiently({
    group: 'dispatcher',
    partition,
    time,
    onUnavailable: (err) =>
      logger.error({ err, partition: partition.index }, 'the dispatcher waits for the log'),
  });
  const crank = await available(() => restoreCrank(partition.index, options));

  function wake(): void {
    wokenAtMs ??= time.elapsed();
    partition.wake();
  }

  /** `opensInMs`: until it reads on though nothing else happens; 0: it does so now. */
  function armTimer(opensInMs: number): void {
    callOffTimer();
    const dueAtMs = closing.draining || !capacity.hasRoom() ? undefined : crank.nextDueAtMs(ahead.ms);
    const dueInMs = Math.max(0, (dueAtMs ?? Number.POSITIVE_INFINITY) - time.now());
    const wakesInMs = opensInMs > 0 ? Math.min(dueInMs, opensInMs) : dueInMs;
    if (wakesInMs === Number.POSITIVE_INFINITY) return;
    callOffTimer = time.after(Math.min(wakesInMs, MAX_TIMER_MS), wake);
  }

  function mostEvents(): number {
    const dueAtMs = crank.nextDueAtMs(ahead.ms) ?? Number.POSITIVE_INFINITY;
    return dueAtMs - time.now() < SOON_MS ? FEW_EVENTS : MAX_EVENTS;
  }

  function giveBack(request: Request): void {
    if (capacity.give(request)) wakeAll();
  }

  /** `leavesAtMs`: by time.elapsed(), which nobody puts forward while it waits for its time. */
  async function send(request: Request, leavesAtMs: number): Promise<void> {
    try {
      await pauseUntil(leavesAtMs, partition.lost, time);
      // Whoever has the partition now makes it again.
      if (!partition.lost.aborted) finished.push({ request, outcome: await sender.send(request) });
    } catch (error) {
      failure ??= error as Error;
    }
    giveBack(request);
    wake();
  }

  /** The next events: with 0 none, once it is woken. */
  async function read(most: number): Promise<StoredEvent<'organizations'>[]> {
    if (most > 0 && left.length > 0) return left.splice(0, most);
    return available(() => partition.next(most));
  }

  /** Takes them in, as far as the turn has room. */
  function takeIn(stored: readonly StoredEvent<'organizations'>[], nowMs: number): void {
    for (const [n, event] of stored.entries()) {
      if (crank.isFull) {
        left = [...stored.slice(n), ...left];
        return;
      }
      crank.take(event, nowMs);
      position = event.offset + 1;
    }
  }

  /** Has the lanes of events in memory, where the log has them. */
  async function recall(stored: readonly StoredEvent<'organizations'>[]): Promise<void> {
    const { latest } = log;
    if (latest === undefined) return;
    const absent = crank.absent(stored);
    if (absent.length === 0) return;
    const records = await available(() => latest(partition.index, absent));
    for (const record of records) if (record.type === 'LaneSaved') crank.recall(record, time.now());
  }

  async function turn(): Promise<void> {
    const opensInMs = closing.draining ? Number.POSITIVE_INFINITY : intake.opensInMs(crank, time.elapsed());
    armTimer(opensInMs);
    const stored = await read(opensInMs > 0 ? 0 : mostEvents());
    await recall(stored);
    if (partition.lost.aborted) return;
    if (failure !== undefined) throw failure;
    const steppedMs = stepped();
    const nowMs = time.now();
    const beganMs = time.elapsed();
    const wantedAtMs = wokenAtMs ?? beganMs;
    wokenAtMs = undefined;
    if (steppedMs > 0) crank.stepped(steppedMs, nowMs);
    for (const { request, outcome } of finished.splice(0)) crank.finish(request, outcome, nowMs);
    takeIn(stored, nowMs);
    if (!closing.draining) crank.startDue(nowMs, ahead.ms);
    const { out, requests } = crank.flush();
    if (stored.length === 0 && out.length === 0) return;
    try {
      await available(() => partition.commit(out, position));
    } catch (error) {
      // They must not leave: what they hold of the capacity is given back.
      for (const request of requests) giveBack(request);
      throw error;
    }
    ahead.took(time.elapsed() - wantedAtMs);
    crank.settle(nowMs);
    for (const request of requests) void send(request, beganMs + request.startsAtMs - nowMs);
    logTurn(logger, out);
  }

  return {
    wake,
    drained,
    async run() {
      partition.lost.addEventListener('abort', wake, { once: true });
      logger.debug({ partition: partition.index }, 'dispatcher owns a partition');
      try {
        while (!partition.lost.aborted) {
          if (closing.draining && crank.inFlight === 0) markDrained();
          await turn();
        }
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
      } finally {
        callOffTimer();
        partition.lost.removeEventListener('abort', wake);
        markDrained();
      }
    },
  };
}

async function restoreCrank(
  partition: number,
  { log, sender, time, skewMs, capacity, disableAfterMs, quietLanes = QUIET_LANES }: LoopOptions,
): Promise<Crank> {
  const lanes = createLanes(log.latest === undefined ? Number.POSITIVE_INFINITY : quietLanes);
  const restoring = createRestoring(lanes, skewMs);
  for await (const { events } of log.read('lanes', { partition })) {
    const readAtMs = time.now();
    for (const { event } of events) restoring.take(event, readAtMs);
    if (log.latest === undefined) continue;
    // Before a request is claimed that could not be signed. No record stands here that another one has replaced.
    sender.ensureOpens(secretsIn(lanesAmong(events), readAtMs));
    lanes.trim(readAtMs);
  }
  const nowMs = time.now();
  for (const record of (await log.latest?.(partition, restoring.absent())) ?? [])
    restoring.take(record, nowMs);
  restoring.end(nowMs);
  sender.ensureOpens(secretsIn(lanes.values(), nowMs));
  return createCrank(lanes, { capacity, disableAfterMs }, nowMs);
}

function* lanesAmong(stored: readonly StoredEvent<'lanes'>[]): Generator<LaneSaved> {
  for (const { event } of stored) if (event.type === 'LaneSaved') yield event;
}

function* secretsIn(lanes: Iterable<LaneSecrets>, nowMs: number): Generator<string> {
  for (const lane of lanes) yield* secretsOfLane(lane, nowMs);
}
