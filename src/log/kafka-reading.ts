// Replaying and following topics without a group. A topic that is compacted is read whole, and then given as if it
// held the newest record of each key alone: when Kafka does away with the others is its own affair.

import type { Topic } from '../events.ts';
import type { Fetcher, Want } from './kafka-fetch.ts';
import { type Portion, type RawRecord, storedEvent } from './kafka-records.ts';
import { type Batch, type Log, LogUnavailable, type ReadOptions, type StoredEvent } from './log.ts';

/** Events a batch, unless asked for. */
const BATCH_EVENTS = 1_000;
/** How long a fetch waits for something to come; so long may the end of a following take. */
const WAIT_MS = 100;
/** How long a replay waits for a transaction, before its end, to be over: longer than any may last. */
const STUCK_MS = 30_000;

interface Readers {
  read: Log['read'];
  /** As the port has it, until `signal` alone is aborted. */
  follow: Log['follow'];
}

/** `fetcher` serves replays; whoever follows has one of its own, as a fetch that waits holds up those behind it. */
export function createReaders(
  fetcher: Fetcher,
  own: () => { fetcher: Fetcher; done: () => Promise<void> },
): Readers {
  async function* read<T extends Topic>(topic: T, options: ReadOptions = {}): AsyncGenerator<Batch<T>> {
    const { from = {}, partition: only } = options;
    for (const [partition, end] of (await fetcher.ends(topic)).entries()) {
      if (only !== undefined && only !== partition) continue;
      const want = { topic, partition, offset: from[partition] ?? 0 };
      if (want.offset >= end) continue;
      const portions = portionsTo(end, want);
      yield* batchesOf(topic === 'lanes' ? compacted(portions, want.offset) : portions, want, {
        ...options,
        end,
      });
    }
  }

  /** What stands from `want` to `end`; the next portion is on its way while one is worked off. */
  async function* portionsTo(end: number, want: Want): AsyncGenerator<Portion> {
    let coming = fetchOn(want);
    for (;;) {
      const portion = await coming;
      const { next } = portion;
      if (next >= end) {
        yield { records: portion.records.filter(({ offset }) => offset < end), next: end, end };
        return;
      }
      coming = fetchOn({ ...want, offset: next });
      // Whoever stops reading does not wait for it.
      coming.catch(() => {});
      yield portion;
    }
  }

  async function fetchOn(want: Want): Promise<Portion> {
    const deadlineMs = performance.now() + STUCK_MS;
    while (performance.now() < deadlineMs) {
      const [found] = await fetcher.fetch([want], WAIT_MS);
      if (found !== undefined) return found[1];
    }
    throw new LogUnavailable(
      `Kafka: a transaction at ${want.topic}, partition ${want.partition}, offset ${want.offset} does not end`,
    );
  }

  async function* follow<T extends Topic>(
    topic: T,
    { signal, from = {}, ...options }: ReadOptions & { signal: AbortSignal },
  ): AsyncGenerator<Batch<T>> {
    const { fetcher: ownFetcher, done } = own();
    try {
      const ends = await ownFetcher.ends(topic);
      const wants = ends
        .map((_, partition) => ({ topic, partition, offset: from[partition] ?? 0 }))
        .filter(({ partition }) => options.partition === undefined || options.partition === partition);
      while (!signal.aborted) {
        for (const [want, portion] of await ownFetcher.fetch(wants, WAIT_MS)) {
          for await (const batch of batchesOf([portion], want, { ...options, end: portion.end })) {
            if (signal.aborted) return;
            yield { ...batch, topic };
          }
          want.offset = portion.next;
        }
      }
    } finally {
      await done();
    }
  }

  return { read, follow };
}

/**
 * The newest record of each key, in the order of the log, once all have been read. While it reads it gives nothing, again
 * and again, so that whoever wants to wait no longer can stop.
 */
async function* compacted(portions: AsyncIterable<Portion>, from: number): AsyncGenerator<Portion> {
  const newest = new Map<string, RawRecord>();
  let [next, end] = [0, 0];
  for await (const portion of portions) {
    ({ next, end } = portion);
    for (const record of portion.records) {
      // Deleted first, so that it comes to stand last.
      newest.delete(record.key);
      if (record.value !== null) newest.set(record.key, record);
    }
    yield { records: [], next: from, end };
  }
  yield { records: [...newest.values()], next, end };
}

async function* batchesOf<T extends Topic>(
  portions: AsyncIterable<Portion> | Iterable<Portion>,
  at: { topic: T; partition: number },
  { types, mentions, batch: max = BATCH_EVENTS, end }: ReadOptions & { end: number },
): AsyncGenerator<Batch<T>> {
  const { topic, partition } = at;
  for await (const { records, next } of portions) {
    for (let i = 0; i < Math.max(1, records.length); i += max) {
      const events: StoredEvent<T>[] = [];
      for (const record of records.slice(i, i + max)) {
        if (mentions !== undefined && !record.value?.includes(mentions)) continue;
        const stored = storedEvent(record, at, types);
        if (stored !== undefined) events.push(stored);
      }
      const isLast = i + max >= records.length;
      const behind = isLast ? next : (records[i + max - 1]?.offset ?? next) + 1;
      yield { topic, partition, events, next: behind, end };
    }
  }
}
