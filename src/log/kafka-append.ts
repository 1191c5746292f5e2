// Appending without a transaction: what waits at the same moment goes in one send, so that the more is posted the
// more share a round trip. What is rejected may yet be in the log, as the port says.

import type { HooklaneEvent } from '../events.ts';
import type { Names } from './kafka-names.ts';
import { createProducer, type Producer } from './kafka-producer.ts';
import { type OutgoingRecord, recordOf } from './kafka-records.ts';
import { asLogError, type Cluster, persist } from './kafka-wire.ts';
import { LogUnavailable, type Position } from './log.ts';

export interface Appender {
  append(events: readonly HooklaneEvent[]): Promise<Position[]>;
  /** Resolves when all that was being appended is answered. */
  close(): Promise<void>;
}

/** How long a send is tried: whoever posts waits for it. */
const SEND_WITHIN_MS = 3_000;
/** Records that wait, and their bytes; beyond that the log counts as unavailable. */
const MAX_WAITING_RECORDS = 100_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Records that share a send. */
const MAX_SEND_RECORDS = 2_000;

interface Job {
  records: OutgoingRecord[];
  bytes: number;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

export function createAppender(cluster: Cluster, names: Names, partitions: number): Appender {
  let producer: Producer | undefined;
  let jobs: Job[] = [];
  const waiting = { records: 0, bytes: 0 };
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
        for (const { records: own, resolve } of batch) {
          resolve(own.map(({ topic, partition }) => ({ topic, partition, offset: offsets[at++] ?? -1 })));
        }
      } catch (error) {
        producer = undefined;
        for (const { reject } of batch) reject(asLogError(error));
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
      const job = jobs[end++];
      records += job?.records.length ?? 0;
      waiting.bytes -= job?.bytes ?? 0;
    }
    const batch = jobs.slice(0, end);
    jobs = jobs.slice(end);
    waiting.records -= records;
    return batch;
  }

  return {
    append(events) {
      if (events.length === 0) return Promise.resolve([]);
      const records = events.map((event) => recordOf(event, partitions));
      const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      const isFull =
        waiting.records + records.length > MAX_WAITING_RECORDS || waiting.bytes + bytes > MAX_WAITING_BYTES;
      if (isFull && waiting.records > 0) throw new LogUnavailable('Kafka: too much waits to be written');
      waiting.records += records.length;
      waiting.bytes += bytes;
      return new Promise((resolve, reject) => {
        jobs.push({ records, bytes, resolve, reject });
        sending ??= sendAll();
      });
    },
    async close() {
      await sending;
    },
  };
}
