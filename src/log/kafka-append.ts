// Appending without a transaction: what waits at the same moment goes in one send, so that the more is posted the
// more share a round trip. What is rejected may yet be in the log, as the port says.

import type { HooklaneEvent } from '../events.ts';
import type { Names } from './kafka-names.ts';
import { createProducer, type Producer } from './kafka-producer.ts';
import { type OutgoingRecord, recordOf } from './kafka-records.ts';
import { asLogError, type Cluster, persist } from './kafka-wire.ts';
import { LogUnavailable, type Position } from './log.ts';
import { createWaiting, type Size } from './waiting.ts';

export interface Appender {
  /** Throws LogBusy where too much waits. */
  append(events: readonly HooklaneEvent[]): Promise<Position[]>;
  isFull(): boolean;
  /** Resolves when all that was being appended is answered. */
  close(): Promise<void>;
}

/** How long a send is tried, and an append waits for one: whoever posts waits for it. */
const SEND_WITHIN_MS = 3_000;
/** Records that share a send. */
const MAX_SEND_RECORDS = 2_000;

interface Job {
  records: OutgoingRecord[];
  size: Size;
  /** When it began to wait. */
  sinceMs: number;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

export function createAppender(cluster: Cluster, names: Names, partitions: number): Appender {
  let producer: Producer | undefined;
  let jobs: Job[] = [];
  const waiting = createWaiting();
  let expiry: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  async function openProducer(): Promise<Producer> {
    const id = await persist(
      async () => {
        const [anyTopic] = cluster.findTopicPartitionMetadata(names.topic('inbound'));
        const broker = await cluster.findBroker({ nodeId: anyTopic?.leader ?? -1 });
        return broker.initProducerId({ transactionTimeout: SEND_WITHIN_MS });
      },
      { forMs: SEND_WITHIN_MS, refresh: () => cluster.refreshMetadata() },
    );
    return createProducer({ cluster, id, topicName: names.topic });
  }

  async function sendAll(): Promise<void> {
    while (jobs.length > 0) {
      const batch = takeBatch();
      const records = batch.flatMap((job) => job.records);
      try {
        producer ??= await openProducer();
        const offsets = await producer.send(records, SEND_WITHIN_MS);
        let at = 0;
        for (const { records: own, size, resolve } of batch) {
          waiting.leave(size);
          resolve(own.map(({ topic, partition }) => ({ topic, partition, offset: offsets[at++] ?? -1 })));
        }
      } catch (error) {
        producer = undefined;
        rejectAll(batch, asLogError(error));
      }
    }
    sending = undefined;
  }

  /** Takes those who have waited longest. */
  function takeBatch(): Job[] {
    let records = 0;
    let end = 0;
    while (
      end < jobs.length &&
      (end === 0 || records + (jobs[end]?.records.length ?? 0) <= MAX_SEND_RECORDS)
    ) {
      records += jobs[end++]?.records.length ?? 0;
    }
    const batch = jobs.slice(0, end);
    jobs = jobs.slice(end);
    return batch;
  }

  function rejectAll(rejected: readonly Job[], error: unknown): void {
    for (const { size, reject } of rejected) {
      waiting.leave(size);
      reject(error);
    }
  }

  /** Gives up what has waited too long for those before it, as they wait for a broker that does not answer. */
  function expire(): void {
    const nowMs = performance.now();
    const kept = jobs.findIndex(({ sinceMs }) => sinceMs + SEND_WITHIN_MS > nowMs);
    const expired = kept === -1 ? jobs : jobs.slice(0, kept);
    jobs = kept === -1 ? [] : jobs.slice(kept);
    rejectAll(expired, new LogUnavailable('Kafka: no answer to what was appended before'));
    expiry = undefined;
    watchExpiry();
  }

  function watchExpiry(): void {
    const [oldest] = jobs;
    if (oldest === undefined || expiry !== undefined) return;
    expiry = setTimeout(expire, Math.max(1, oldest.sinceMs + SEND_WITHIN_MS - performance.now()));
  }

  return {
    append(events) {
      if (events.length === 0) return Promise.resolve([]);
      const records = events.map((event) => recordOf(event, partitions));
      const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      const size = { events: records.length, bytes };
      waiting.enter(size);
      return new Promise((resolve, reject) => {
        jobs.push({ records, size, sinceMs: performance.now(), resolve, reject });
        sending ??= sendAll();
        watchExpiry();
      });
    },
    isFull: waiting.isFull,
    async close() {
      await sending;
      clearTimeout(expiry);
    },
  };
}
