// Reading partitions without a group: where they begin and end, and what stands there. Only what is committed is read.

import type { Topic } from '../events.ts';
import type { Names } from './kafka-names.ts';
import { leaderOf } from './kafka-producer.ts';
import { type Portion, portionOf } from './kafka-records.ts';
import { type Cluster, isCutOff, isProtocolError, persist } from './kafka-wire.ts';
import { LogRefused } from './log.ts';

/** Bytes of one partition, and of all together, in one answer; a larger record comes alone. */
const MAX_PARTITION_BYTES = 1024 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** How long it is tried. */
const WITHIN_MS = 5_000;

/** From where to read a partition. */
export interface Want {
  topic: Topic;
  partition: number;
  offset: number;
}

export interface Fetcher {
  /**
   * What stands from each offset on, for those partitions that have something: waits `maxWaitMs` for it to come.
   * Rejects with an error of the client, or with LogRefused where an offset lies behind the end of its partition.
   */
  fetch<W extends Want>(wants: readonly W[], maxWaitMs: number): Promise<[W, Portion][]>;
  /** For each partition the offset behind its last record, committed or not. */
  ends(topic: Topic): Promise<number[]>;
  /** For each partition the offset of its first record: what stood before is forgotten. */
  starts(topic: Topic): Promise<number[]>;
  /** Resolves when nothing that was asked for is on its way. */
  settled(): Promise<void>;
}

const END = -1;
const START = -2;

export interface FetcherOptions {
  names: Names;
  partitions: number;
  /** After it is aborted nothing is tried again. */
  signal: AbortSignal;
  /** Called when a broker was away, before it is asked again. */
  onCutOff?: () => void;
}

export function createFetcher(cluster: Cluster, options: FetcherOptions): Fetcher {
  const { names, partitions, signal, onCutOff } = options;
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const asked = new Set<Promise<unknown>>();

  async function refresh(error: unknown): Promise<void> {
    if (isCutOff(error)) onCutOff?.();
    await cluster.refreshMetadata();
  }

  /** Remembers what is asked for until it is answered. */
  function asking<T>(answer: Promise<T>): Promise<T> {
    const done = answer.finally(() => asked.delete(done));
    asked.add(done);
    return done;
  }

  /** One request to a broker. A partition that answers with less than it has is asked again, alone. */
  async function fetchFrom<W extends Want>(
    nodeId: number,
    wants: readonly W[],
    maxWaitMs: number,
  ): Promise<[W, Portion][]> {
    const broker = await cluster.findBroker({ nodeId });
    const { responses } = await broker.fetch({
      isolationLevel: 1,
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: MAX_ANSWER_BYTES,
      topics: [...Map.groupBy(wants, ({ topic }) => topic)].map(([topic, own]) => ({
        topic: names.topic(topic),
        partitions: own.map(({ partition, offset }) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: MAX_PARTITION_BYTES,
        })),
      })),
    });
    const found: [W, Portion][] = [];
    for (const { topicName, partitions: answered } of responses) {
      for (const answer of answered) {
        const isOf = ({ topic, partition }: W) =>
          partition === answer.partition && names.topic(topic) === topicName;
        const want = wants.find(isOf);
        if (want === undefined) continue;
        const portion = portionOf(answer, want.offset);
        const { next, end } = portion;
        if (next > want.offset) found.push([want, portion]);
        else if (end <= want.offset) continue;
        // The answer was full before it came to this one; or, alone, it came to batches that compaction has emptied.
        else if (wants.length > 1) found.push(...(await fetchFrom(nodeId, [want], 0)));
        else found.push([want, { records: [], next: end, end }]);
      }
    }
    return found;
  }

  async function fetch<W extends Want>(wants: readonly W[], maxWaitMs: number): Promise<[W, Portion][]> {
    if (wants.length === 0) return [];
    try {
      return await persist(
        async () => {
          const byLeader = Map.groupBy(wants, ({ topic, partition }) =>
            leaderOf(cluster, names.topic(topic), partition),
          );
          const answers = [...byLeader].map(([nodeId, own]) => fetchFrom(nodeId, own, maxWaitMs));
          return (await Promise.all(answers)).flat();
        },
        {
          forMs: WITHIN_MS,
          refresh,
          signal,
          isFinal: (error) => isProtocolError(error, 'OFFSET_OUT_OF_RANGE'),
        },
      );
    } catch (error) {
      if (!isProtocolError(error, 'OFFSET_OUT_OF_RANGE')) throw error;
      return forgotten(wants);
    }
  }

  /** Where to go on for those whose offsets lie before the start of their partitions. */
  async function forgotten<W extends Want>(wants: readonly W[]): Promise<[W, Portion][]> {
    const found: [W, Portion][] = [];
    for (const [topic, own] of Map.groupBy(wants, (want) => want.topic)) {
      const [first, last] = await Promise.all([starts(topic), ends(topic)]);
      for (const want of own) {
        const { partition, offset } = want;
        const [start = 0, end = 0] = [first[partition], last[partition]];
        if (offset > end) {
          throw new LogRefused(
            `${names.topic(topic)}, partition ${partition}, ends at ${end}, and was to be read from ${offset}: it was made anew, or is on another cluster`,
          );
        }
        if (offset < start) found.push([want, { records: [], next: start, end }]);
      }
    }
    return found;
  }

  async function offsets(topic: Topic, timestamp: -1 | -2): Promise<number[]> {
    return persist(
      async () => {
        const byLeader = Map.groupBy(all, (partition) => leaderOf(cluster, names.topic(topic), partition));
        const result: number[] = all.map(() => 0);
        for (const [nodeId, own] of byLeader) {
          const broker = await cluster.findBroker({ nodeId });
          const asked = own.map((partition) => ({ partition, timestamp }));
          const { responses } = await broker.listOffsets({
            isolationLevel: 0,
            topics: [{ topic: names.topic(topic), partitions: asked }],
          });
          for (const { partition, offset } of responses[0]?.partitions ?? [])
            result[partition] = Number(offset);
        }
        return result;
      },
      { forMs: WITHIN_MS, refresh, signal },
    );
  }

  const ends = (topic: Topic) => offsets(topic, END);
  const starts = (topic: Topic) => offsets(topic, START);
  return {
    fetch: (wants, maxWaitMs) => asking(fetch(wants, maxWaitMs)),
    ends: (topic) => asking(ends(topic)),
    starts: (topic) => asking(starts(topic)),
    async settled() {
      await Promise.allSettled(asked);
    },
  };
}
