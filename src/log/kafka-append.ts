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

/** How long a send is tried, and an append waits for a broker that says nothing: whoever posts waits for it. */
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

/** Until when a job may wait; of what is being sent each answer of the broker counts, as large appends take several. */
function deadlineOf({ sinceMs }: Job, sent?: Flight): number {
  return Math.max(sinceMs, sent?.answeredAtMs ?? 0) + SEND_WITHIN_MS;
}

/** What is being sent. Who has waited for too long is told so; it may arrive all the same. */
interface Flight {
  /** Who still waits. */
  jobs: readonly Job[];
  /** When the broker answered last. */
  answeredAtMs: number;
  /** Aborted when nobody waits any more: then nothing is sent again. */
  givenUp: AbortController;
}

export function createAppender(cluster: Cluster, names: Names, partitions: number): Appender {
  let producer: Producer | undefined;
  let jobs: Job[] = [];
  const waiting = createWaiting();
  let expiry: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let flight: Flight | undefined;

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
      const own: Flight = { jobs: batch, answeredAtMs: 0, givenUp: new AbortController() };
      flight = own;
      watchExpiry();
      try {
        producer ??= await openProducer();
        const offsets = await producer.send(records, SEND_WITHIN_MS, {
          signal: own.givenUp.signal,
          onAnswer() {
            own.answeredAtMs = performance.now();
          },
        });
        let at = 0;
        for (const { records: sent, size, resolve } of batch) {
          waiting.leave(size);
          resolve(sent.map(({ topic, partition }) => ({ topic, partition, offset: offsets[at++] ?? -1 })));
        }
      } catch (error) {
        producer = undefined;
        rejectAll(batch, asLogError(error));
      }
    }
    flight = undefined;
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

  /** Gives up what has waited too long: for those before it, or for an answer, as the broker gives none. */
  function expire(): void {
    const nowMs = performance.now();
    const isOver = (job: Job) => deadlineOf(job) <= nowMs;
    const expired = jobs.filter(isOver);
    jobs = jobs.filter((job) => !isOver(job));
    rejectAll(expired, new LogUnavailable('Kafka: no answer to what was appended before'));
    if (flight !== undefined) giveUp(flight, nowMs);
    expiry = undefined;
    watchExpiry();
  }

  /** What is under way is counted until it is known what became of it. */
  function giveUp(own: Flight, nowMs: number): void {
    const isOver = (job: Job) => deadlineOf(job, own) <= nowMs;
    const error = new LogUnavailable('Kafka: no answer to what was appended, which may yet be there');
    for (const { reject } of own.jobs.filter(isOver)) reject(error);
    own.jobs = own.jobs.filter((job) => !isOver(job));
    if (own.jobs.length === 0) own.givenUp.abort(error);
  }

  function watchExpiry(): void {
    if (expiry !== undefined) return;
    const [oldest] = jobs;
    const [oldestSent] = flight?.jobs ?? [];
    const deadlineMs = Math.min(
      oldest === undefined ? Number.POSITIVE_INFINITY : deadlineOf(oldest),
      oldestSent === undefined ? Number.POSITIVE_INFINITY : deadlineOf(oldestSent, flight),
    );
    if (Number.isFinite(deadlineMs)) expiry = setTimeout(expire, Math.max(1, deadlineMs - performance.now()));
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
