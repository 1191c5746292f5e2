// The dispatcher: turns one crank for each partition of topic organizations that this process owns.
//
//     wait for (new events | finished requests | a due timer)
//     decide   everything that is there, at one `now`
//     commit   events, lanes and input position in one transaction      ◀── fenced here: a loser changes nothing
//     act      only now the requests leave whose AttemptStarted is durable
//
// It never waits for a request. After a commit that failed because the log was away, the same commit is tried
// until it succeeds: nothing has left, so nothing can be lost or doubled.

import type { Logger } from 'pino';
import type { LaneRecord } from '../events.ts';
import { Fenced, type Log, type Partition } from '../log/log.ts';
import { createNews } from '../log/news.ts';
import { patiently } from '../log/patience.ts';
import type { Clock } from '../time.ts';
import { type Crank, createCrank, MAX_IN_FLIGHT, type Request, type Slots } from './crank.ts';
import { createIntake } from './intake.ts';
import type { Outcome } from './lane.ts';
import type { Sender } from './send.ts';
import { restore } from './snapshot.ts';

/** Events taken in a turn. */
const MAX_EVENTS = 500;
/** Node's longest timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface DispatcherOptions {
  log: Log;
  sender: Sender;
  clock: Clock;
  logger: Logger;
  /** By how much the clocks of the hosts that may own a partition differ; 0 on one host. */
  skewMs: number;
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
  const { log, sender } = options;
  const slots: Slots = { free: MAX_IN_FLIGHT };
  const closing = { draining: false };
  const lanes = new Set<PartitionLoop>();
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    const loop = await openPartition(partition, { ...options, slots, closing, wakeAll });
    lanes.add(loop);
    try {
      await loop.run();
    } finally {
      lanes.delete(loop);
    }
  });

  /** A slot that one partition gives back may be what another one waits for. */
  function wakeAll(): void {
    for (const loop of lanes) loop.wake();
  }

  return {
    ended: membership.ended,
    async close(withinMs) {
      closing.draining = true;
      wakeAll();
      const timer = setTimeout(() => void membership.close(), withinMs);
      await Promise.all([...lanes].map((loop) => loop.drained));
      clearTimeout(timer);
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
  slots: Slots;
  closing: { draining: boolean };
  wakeAll: () => void;
}

async function openPartition(
  partition: Partition<'organizations'>,
  { log, sender, clock, logger, skewMs, slots, closing, wakeAll }: LoopOptions,
): Promise<PartitionLoop> {
  const intake = createIntake();
  const finished: { request: Request; outcome: Outcome }[] = [];
  const { promise: drained, resolve: markDrained } = Promise.withResolvers<void>();
  let { position } = partition;
  const news = createNews();
  let timer: NodeJS.Timeout | undefined;
  /** Requests that have left and are not answered. */
  let sending = 0;
  let over = false;

  const available = <T>(work: () => Promise<T>) =>
    patiently(
      'dispatcher',
      partition,
      (err) => logger.error({ err, partition: partition.index }, 'the dispatcher waits for the log'),
      work,
    );
  const crank = await available(() => restoreCrank(log, partition.index, { clock, skewMs, slots }));

  function wake(): void {
    news.raise();
    partition.wake();
  }

  /** Waits for anything to do without reading on. */
  async function pause(): Promise<[]> {
    await news.heard();
    return [];
  }

  function armTimer(): void {
    clearTimeout(timer);
    const dueAtMs = closing.draining || slots.free === 0 ? undefined : crank.nextDueAtMs();
    if (dueAtMs === undefined) return;
    timer = setTimeout(wake, Math.min(MAX_TIMER_MS, Math.max(0, dueAtMs - clock())));
  }

  async function send(request: Request): Promise<void> {
    sending++;
    const outcome = await sender.send(request);
    sending--;
    if (over) {
      slots.free++;
      return;
    }
    finished.push({ request, outcome });
    wake();
  }

  async function turn(): Promise<void> {
    armTimer();
    const reads = !closing.draining && intake.open(crank, clock());
    const stored = reads ? await available(() => partition.next(MAX_EVENTS)) : await pause();
    if (partition.lost.aborted) return;
    const nowMs = clock();
    const hadSlots = slots.free > 0;
    for (const { request, outcome } of finished.splice(0)) crank.finish(request, outcome, nowMs);
    for (const event of stored) crank.take(event, nowMs);
    if (!closing.draining) crank.startDue(nowMs);
    position = (stored.at(-1)?.offset ?? position - 1) + 1;
    const decided = crank.flush();
    if (stored.length === 0 && decided.out.length === 0) return;
    await available(() => partition.commit(decided.out, position));
    for (const request of decided.requests) void send(request);
    if (!hadSlots && slots.free > 0) wakeAll();
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
        clearTimeout(timer);
        partition.lost.removeEventListener('abort', wake);
        markDrained();
        // Of what was in flight, as the crank has it: requests under way give their slots back when they end, those
        // that have ended or were never sent do it now.
        over = true;
        slots.free += crank.inFlight - sending;
        wakeAll();
      }
    },
  };
}

async function restoreCrank(
  log: Log,
  partition: number,
  { clock, skewMs, slots }: { clock: Clock; skewMs: number; slots: Slots },
): Promise<Crank> {
  const records: LaneRecord[] = [];
  for await (const batch of log.read('lanes', { partition })) {
    for (const { event } of batch.events) records.push(event);
  }
  const nowMs = clock();
  return createCrank(restore(records, { nowMs, skewMs }), slots, nowMs);
}
