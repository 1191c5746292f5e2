// The log of a simulation: the guarantees of the port (src/log/log.ts), nothing more, and every fault that it allows.
// A commit may not arrive, or arrive and its answer be lost; owners are told late that they have lost a partition, and
// fenced; what is appended is seen late; positions are forgotten; the whole log is away for a while.

import {
  compactionKeyOf,
  type EventOf,
  type HooklaneEvent,
  keyOf,
  type LaneRecord,
  TOPIC_OF,
  TOPICS,
  type Topic,
} from '../../src/events.ts';
import {
  type Batch,
  Fenced,
  type Group,
  type Log,
  LogUnavailable,
  type Partition,
  type StoredEvent,
} from '../../src/log/log.ts';
import { partitionOf } from '../../src/log/partitioner.ts';
import type { VerifiedLog } from '../../src/verify/verify.ts';
import { logOf } from '../verify/history.ts';
import type { Breaks } from './breaks.ts';
import type { Process, World } from './world.ts';

const PARTITIONS = 8;
/** After so long it is looked again for an owner where there was none. */
const ORPHAN_MS = 3_000;

/** An event, and when it was written in true time. */
export interface Written {
  event: HooklaneEvent;
  atMs: number;
  partition: number;
  offset: number;
}

export interface SimulatedLog {
  /** The log as a process sees it. `looksUp`: whether one lane can be asked for, as on SQLite, or not, as on Kafka. */
  openFor(process: Process, looksUp: boolean): Pick<Log, 'append' | 'join' | 'read' | 'latest' | 'follow'>;
  /** All that was ever written to a topic, in the order of writing. */
  written(topic: Topic): readonly Written[];
  /** All that was ever written, for who only reads, once all of it is worked off. */
  left(): VerifiedLog;
  /** Nobody can use the log for so long. */
  goAway(ms: number): void;
  /** Gives a partition of a group to another member. */
  rebalance(): void;
  /** The groups forget some or all of what they have done. */
  forgetPositions(): void;
  /** Partitions of this process are given to others, as it is not heard of. */
  missed(process: Process): void;
  /** Bugs that left the work on a partition. */
  readonly bugs: string[];
  onWritten(listener: (written: Written) => void): void;
}

interface Member {
  process: Process;
  group: Group;
  begin(partition: number): void;
  /** What it believes that it owns. */
  owned: Map<number, AbortController>;
}

export interface LogOptions {
  /** Once in so many calls each of these happens. */
  faults: { unavailable: number; answerLost: number; crash: number; slowFetch: number };
  breaks: Breaks;
}

export function createLog(world: World, { faults, breaks }: LogOptions): SimulatedLog {
  const { random } = world;
  const topics = new Map<Topic, Written[][]>(TOPICS.map((topic) => [topic, emptyPartitions()]));
  const lanes = Array.from({ length: PARTITIONS }, () => new Map<string, LaneRecord>());
  const all = new Map<Topic, Written[]>(TOPICS.map((topic) => [topic, []]));
  const positions = new Map<string, number>();
  const owners = new Map<string, { epoch: number; member: Member | undefined }>();
  const members = new Set<Member>();
  const readers = new Map<Topic, Set<() => void>>(TOPICS.map((topic) => [topic, new Set()]));
  const listeners: ((written: Written) => void)[] = [];
  const bugs: string[] = [];
  let awayUntilMs = 0;
  let epochs = 0;

  function emptyPartitions(): Written[][] {
    return Array.from({ length: PARTITIONS }, () => []);
  }

  function write(event: HooklaneEvent): Written {
    const topic = TOPIC_OF[event.type];
    const partition = partitionOf(keyOf(event), PARTITIONS);
    if (topic === 'lanes') {
      const record = event as LaneRecord;
      const records = lanes[partition];
      if (record.type === 'PendingDropped') records?.delete(compactionKeyOf(record));
      else records?.set(compactionKeyOf(record), record);
      return { event, atMs: world.now(), partition, offset: 0 };
    }
    const records = topics.get(topic)?.[partition] ?? [];
    const written = { event, atMs: world.now(), partition, offset: records.length };
    records.push(written);
    all.get(topic)?.push(written);
    for (const listener of listeners) listener(written);
    return written;
  }

  function wakeReaders(touched: ReadonlySet<Topic>): void {
    for (const topic of touched) for (const wake of readers.get(topic) ?? []) wake();
  }

  function latencyMs(): number {
    return random.once(faults.slowFetch) ? random.whole(50, 2_000) : random.whole(1, 4);
  }

  /** A call to the log by a process: it may arrive or not, and its answer may be lost. */
  function call<T>(process: Process, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => {
        world.after(random.whole(1, 3), () => process.deliver(settle));
      };
      if (process.isMortal && random.once(faults.crash)) {
        // The process dies at this very moment, before or after the log has done what it was asked for.
        if (random.once(2)) attempt(work);
        process.kill();
        return;
      }
      if (world.now() < awayUntilMs || random.once(faults.unavailable)) {
        answer(() => reject(new LogUnavailable('away')));
        return;
      }
      const result = attempt(work);
      if ('error' in result) answer(() => reject(result.error));
      else if (random.once(faults.answerLost))
        answer(() => reject(new LogUnavailable('the answer was lost')));
      else answer(() => resolve(result.value));
    });
  }

  function attempt<T>(work: () => T): { value: T } | { error: unknown } {
    try {
      return { value: work() };
    } catch (error) {
      return { error };
    }
  }

  function stored<T extends Topic>(topic: T, partition: number, from: number, max: number): StoredEvent<T>[] {
    const records = topics.get(topic)?.[partition] ?? [];
    const events = records.slice(from, from + max).map(({ event, offset }) => ({
      topic,
      partition,
      offset,
      event: event as EventOf<T>,
    }));
    return breaks.outOfOrder && topic === 'organizations' ? reordered(events) : events;
  }

  /** The same places, and what stands there the other way round. */
  function reordered<T extends Topic>(events: StoredEvent<T>[]): StoredEvent<T>[] {
    return events.map((at, i) => ({ ...at, event: (events.at(-1 - i) ?? at).event }));
  }

  // ── groups ────────────────────────────────────────────────────────────────────────────────────────────────

  const keyIn = (group: Group, partition: number) => `${group} ${partition}`;

  /** Gives a partition to one of the group's members that are heard of; later, if there is none. */
  function assign(group: Group, partition: number): void {
    const candidates = [...members].filter(
      (member) => member.group === group && member.process.isAlive && !member.process.isStopped,
    );
    const key = keyIn(group, partition);
    const previous = owners.get(key)?.member;
    revoke(previous, partition);
    if (candidates.length === 0) {
      owners.set(key, { epoch: ++epochs, member: undefined });
      world.after(ORPHAN_MS, () => owners.get(key)?.member === undefined && assign(group, partition));
      return;
    }
    const others = candidates.filter((member) => member !== previous);
    const member = random.pick(others.length > 0 ? others : candidates);
    owners.set(key, { epoch: ++epochs, member });
    member.begin(partition);
  }

  /** It hears late that it is no longer the owner, but it cannot commit any more. */
  function revoke(member: Member | undefined, partition: number): void {
    const lost = member?.owned.get(partition);
    if (member === undefined || lost === undefined) return;
    member.owned.delete(partition);
    world.after(random.whole(0, 3_000), () => member.process.deliver(() => lost.abort()));
  }

  function assignOrphans(group: Group): void {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const owner = owners.get(keyIn(group, partition))?.member;
      if (owner === undefined || !owner.process.isAlive) assign(group, partition);
    }
  }

  function openPartition<T extends Topic>(
    { process, group }: Member,
    topic: T,
    index: number,
    lost: AbortSignal,
  ): Partition<T> {
    const key = keyIn(group, index);
    const { epoch } = owners.get(key) ?? { epoch: 0 };
    const position = positions.get(key) ?? 0;
    let cursor = position;
    let isWoken = false;
    let waiting: ((events: StoredEvent<T>[]) => void) | undefined;
    let inDoubt: { out: readonly HooklaneEvent[]; upTo: number } | undefined;

    /** Answers the pending next() with what there is. */
    function pump(force: boolean): void {
      if (waiting === undefined) return;
      const events = stored(topic, index, cursor, 500);
      if (events.length === 0 && !force) return;
      cursor += events.length;
      const resolve = waiting;
      waiting = undefined;
      isWoken = false;
      resolve(events);
    }

    const wakeLater = () => void world.after(latencyMs(), () => process.deliver(() => pump(false)));
    readers.get(topic)?.add(wakeLater);
    lost.addEventListener('abort', () => {
      readers.get(topic)?.delete(wakeLater);
      pump(true);
    });

    return {
      topic,
      index,
      position,
      lost,
      next: () =>
        new Promise((resolve) => {
          waiting = resolve;
          pump(isWoken || lost.aborted);
        }),
      wake() {
        isWoken = true;
        pump(true);
      },
      commit(out, upTo) {
        return call(process, () => {
          // Made again, as nobody could say whether it was done: it is done once.
          if (inDoubt !== undefined && inDoubt.out === out && inDoubt.upTo === upTo) return;
          if (owners.get(key)?.epoch !== epoch) throw new Fenced(group, topic, index);
          const kept = breaks.onCommit(out);
          for (const event of kept) write(event);
          positions.set(key, upTo);
          inDoubt = { out, upTo };
          wakeReaders(new Set(kept.map((event) => TOPIC_OF[event.type])));
        });
      },
    };
  }

  return {
    bugs,
    written: (topic) => all.get(topic) ?? [],
    left: () => logOf((topic) => topics.get(topic) ?? []),
    onWritten: (listener) => void listeners.push(listener),
    goAway(ms) {
      awayUntilMs = Math.max(awayUntilMs, world.now() + ms);
    },
    rebalance() {
      assign(random.pick(['recorder', 'dispatcher'] as const), random.whole(0, PARTITIONS - 1));
    },
    forgetPositions() {
      const rewind = random.pick([3, 30, Number.POSITIVE_INFINITY]);
      for (const [key, position] of positions) positions.set(key, Math.max(0, position - rewind));
      // Whoever owns a partition knows where it is; it shows when it changes hands.
      for (let partition = 0; partition < PARTITIONS; partition++) {
        for (const group of ['recorder', 'dispatcher'] as const) assign(group, partition);
      }
    },
    missed(process) {
      for (const member of members) {
        if (member.process !== process) continue;
        if (!process.isAlive) members.delete(member);
        for (const partition of [...member.owned.keys()]) assign(member.group, partition);
      }
    },

    openFor(process, looksUp) {
      const latest: Log['latest'] = (partition, keys) =>
        call(process, () => keys.flatMap((key) => lanes[partition]?.get(key) ?? []));
      return {
        ...(looksUp ? { latest } : {}),
        append: (events) =>
          call(process, () => {
            const kept = breaks.onAppend(events);
            const written = kept.map(write);
            wakeReaders(new Set(kept.map((event) => TOPIC_OF[event.type])));
            return written.map(({ event, partition, offset }) => {
              return { topic: TOPIC_OF[event.type], partition, offset };
            });
          }),

        join(group, topic, work) {
          const member: Member = {
            process,
            group,
            owned: new Map(),
            begin(partition) {
              const lost = new AbortController();
              member.owned.set(partition, lost);
              const handle = openPartition(member, topic, partition, lost.signal);
              process.deliver(() => {
                work(handle).catch((error: unknown) => {
                  if (!(error instanceof Fenced)) bugs.push(`${process.name}: ${String(error)}`);
                });
              });
            },
          };
          members.add(member);
          world.after(random.whole(1, 50), () => assignOrphans(group));
          return { ended: new Promise(() => {}), close: async () => {} };
        },

        async *read(topic, { partition = 0 } = {}) {
          const records = await call(process, () => [...(lanes[partition]?.values() ?? [])]);
          const events = records.map((event) => ({ topic, partition, offset: 0, event }));
          // The dispatcher alone reads, and lanes alone.
          yield { topic, partition, events, next: 0, end: 0 } as Batch<typeof topic>;
        },

        async *follow(topic, { from = {}, signal }) {
          const next = { ...from };
          let notify = () => {};
          const wake = () => notify();
          readers.get(topic)?.add(wake);
          signal.addEventListener('abort', wake);
          while (!signal.aborted) {
            let isIdle = true;
            for (let partition = 0; partition < PARTITIONS; partition++) {
              const at = next[partition] ?? 0;
              const events = stored(topic, partition, at, 200);
              if (events.length === 0) continue;
              isIdle = false;
              next[partition] = at + events.length;
              yield { topic, partition, events, next: at + events.length, end: at + events.length };
              if (random.once(faults.unavailable)) {
                readers.get(topic)?.delete(wake);
                throw new LogUnavailable('away');
              }
            }
            if (!isIdle) continue;
            await new Promise<void>((resolve) => {
              notify = () => {
                notify = () => {};
                world.after(latencyMs(), () => process.deliver(resolve));
              };
            });
          }
        },
      };
    },
  };
}
