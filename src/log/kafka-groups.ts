// Groups on Kafka: the broker says who owns which partition, and a producer's epoch sees to it that nobody else's work
// counts. Both are asked apart, so whoever learns late that it has lost a partition does no harm, and whoever is
// fenced while the partition is still its own, as somebody late has fenced it, becomes the newest owner once more.

import type { Topic } from '../events.ts';
import { createFetcher, type Want } from './kafka-fetch.ts';
import { type AssignerProtocol, createMember } from './kafka-member.ts';
import type { Names } from './kafka-names.ts';
import { createOwner, type Owner, type OwnerOptions } from './kafka-owner.ts';
import { createTransactions, type Transactions } from './kafka-transactions.ts';
import { createTurns, type Turns } from './kafka-turns.ts';
import { asLogError, type MakeCluster } from './kafka-wire.ts';
import { Fenced, type Group, LogUnavailable, type Membership, type Partition } from './log.ts';
import { createNews } from './news.ts';
import { orAborted, pause } from './pause.ts';

export interface Groups {
  join<T extends Topic>(group: Group, topic: T, work: Work<T>): Membership;
  close(): Promise<void>;
}

type Work<T extends Topic> = (partition: Partition<T>) => Promise<void>;

export interface GroupsOptions {
  makeCluster: MakeCluster;
  protocol: AssignerProtocol;
  names: Names;
  partitions: number;
  sessionTimeoutMs: number;
}

/** How long a fetch waits for something to come: so long may a partition that is new to us wait for its first one. */
const WAIT_MS = 50;
const RETRY_MS = 200;

/** Groups that a process may be a member of. */
const GROUPS = 2;

export function createGroups(options: GroupsOptions): Groups {
  const memberships = new Set<Membership>();
  // They share the process and the broker.
  const turns = createTurns(GROUPS * options.partitions);
  return {
    join(group, topic, work) {
      const membership = joinGroup(group, topic, work, { ...options, turns });
      memberships.add(membership);
      const forget = () => memberships.delete(membership);
      membership.ended.then(forget, forget);
      return membership;
    },
    async close() {
      await Promise.all([...memberships].map((membership) => membership.close()));
    },
  };
}

function joinGroup<T extends Topic>(
  group: Group,
  topic: T,
  work: Work<T>,
  { makeCluster, protocol, names, partitions, sessionTimeoutMs, turns }: GroupsOptions & { turns: Turns },
): Membership {
  const closing = new AbortController();
  const cluster = makeCluster();
  /** Whether a broker was away since all owners were sure that what they have committed can be read. */
  let shaken = false;
  const fetcher = createFetcher(cluster, {
    ...{ names, partitions, signal: closing.signal },
    onCutOff() {
      shaken = true;
    },
  });
  /** Of the partitions that are ours: ends that, by however many owners one after the other. */
  const tenures = new Map<number, AbortController>();
  /** For each partition, when the last tenure of it is done. */
  const ends = new Map<number, Promise<void>>();
  const owners = new Set<Owner<T>>();
  const hungry = createNews();
  const { promise: stopped, resolve: stop, reject: fail } = Promise.withResolvers<void>();
  /** Members still while our work ends, we begin nothing more. */
  let ending = false;

  const member = createMember({
    makeCluster,
    protocol,
    groupId: names.group(group),
    topic: names.topic(topic),
    partitions,
    sessionTimeoutMs,
    owned: () => [...tenures.keys()],
    onAssigned(assigned) {
      for (const index of tenures.keys()) if (!assigned.includes(index)) lose(index);
      if (ending) return;
      for (const index of assigned) if (!tenures.has(index)) begin(index);
    },
    onExpired: loseAll,
  });

  function begin(index: number): void {
    const over = new AbortController();
    const before = ends.get(index);
    // No two owners of a partition in one process: the work of the last tenure has returned first.
    const done = Promise.allSettled([before]).then(() => hold(index, over.signal));
    done.catch(fail);
    tenures.set(index, over);
    ends.set(index, done);
  }

  function lose(index: number): void {
    tenures.get(index)?.abort();
    tenures.delete(index);
  }

  function loseAll(): void {
    for (const index of [...tenures.keys()]) lose(index);
  }

  /** Owns a partition, again if need be, until `over`. Its requests go by connections of their own. */
  async function hold(index: number, over: AbortSignal): Promise<void> {
    const own = makeCluster();
    try {
      while (!over.aborted) {
        const transactions = createTransactions(own, names, { group, topic, partition: index, partitions });
        const position = await opened(transactions, over);
        if (position === undefined) return;
        const ended = await workOn({ group, topic, index, position, partitions, transactions, turns }, over);
        if (ended) return;
        // Fenced: by somebody who came too late, or as it is not ours any more. The group tells which.
        await orAborted(member.confirmed(), over);
      }
    } finally {
      await own.disconnect();
    }
  }

  /** The group's position, however long Kafka is away; undefined when the partition is lost meanwhile. */
  async function opened({ open }: Transactions, over: AbortSignal): Promise<number | undefined> {
    while (!over.aborted) {
      try {
        return await open();
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
      }
      await pause(RETRY_MS, over);
    }
    return undefined;
  }

  /** One owner's work, until `over`; false when it was fenced before. */
  async function workOn(options: Omit<OwnerOptions<T>, 'onHungry'>, over: AbortSignal): Promise<boolean> {
    const owner = createOwner({ ...options, onHungry: hungry.raise });
    over.addEventListener('abort', owner.lose);
    if (over.aborted) owner.lose();
    owners.add(owner);
    hungry.raise();
    try {
      await work(owner.partition);
      return true;
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      return false;
    } finally {
      owner.lose();
      owners.delete(owner);
      over.removeEventListener('abort', owner.lose);
      await owner.settled();
    }
  }

  /** Fetches for all owners, until we close. */
  async function fetchAll(): Promise<void> {
    while (!closing.signal.aborted) {
      const wants: (Want & { owner: Owner<T> })[] = [];
      for (const owner of owners) {
        const want = owner.wants();
        if (want !== undefined) wants.push({ ...want, owner });
      }
      if (wants.length === 0) {
        await hungry.heard();
        continue;
      }
      try {
        const found = await fetcher.fetch(wants, WAIT_MS);
        if (shaken) {
          shaken = false;
          for (const owner of owners) owner.confirm();
        }
        for (const [want, portion] of found) want.owner.give(want, portion);
      } catch (error) {
        const told = asLogError(error);
        if (!(told instanceof LogUnavailable)) throw told;
        shaken = true;
        for (const { owner } of wants) owner.fail(told);
        await pause(RETRY_MS, closing.signal);
      }
    }
  }

  async function run(): Promise<void> {
    const loops = [fetchAll(), member.run()];
    for (const loop of loops) loop.catch(fail);
    try {
      await stopped;
    } finally {
      ending = true;
      loseAll();
      await Promise.allSettled(ends.values());
      closing.abort();
      hungry.raise();
      try {
        await member.close();
      } finally {
        await Promise.allSettled(loops);
        await cluster.disconnect();
      }
    }
  }

  const ended = run();
  // Told by `ended`; that nobody looks at it must not be an unhandled rejection.
  ended.catch(() => {});
  return {
    ended,
    async close() {
      stop();
      await Promise.allSettled([ended]);
    },
  };
}
