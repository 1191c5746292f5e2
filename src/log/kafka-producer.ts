// Sends records under a producer id, so that the broker drops what it has been sent twice: each partition counts the
// records it gets (KIP-98). A try that went wrong is made again with the same numbers; when none succeeds, nobody
// knows what arrived, and the id must not be used any more.

import type { OutgoingRecord } from './kafka-records.ts';
import { type Cluster, isFencing, type ProducerId, persist } from './kafka-wire.ts';

/** Of records in one request, and of their bytes in one partition: a broker takes batches of 1 MiB unless told. */
const MAX_RECORDS = 2_000;
const MAX_BATCH_BYTES = 900 * 1024;
/** What a record costs beside its key and value, at most. */
const RECORD_OVERHEAD_BYTES = 64;
/** How long the broker may take to have a batch on all replicas that are in sync. */
const ACKS_WITHIN_MS = 5_000;
/** Sequence numbers go round. */
const SEQUENCES = 2 ** 31;

export interface Producer {
  /**
   * Resolves to the offset of each record once all of them are on all replicas in sync. Rejects with an error of
   * the client when that could not be done `forMs` long.
   */
  send(records: readonly OutgoingRecord[], forMs: number, watch?: Watch): Promise<number[]>;
}

interface Watch {
  /** Aborted: what has not been sent is not, and nothing is sent again. */
  signal: AbortSignal;
  /** Called whenever some of the records have arrived. */
  onAnswer(): void;
}

export interface ProducerOptions {
  cluster: Cluster;
  id: ProducerId;
  transactionalId?: string | undefined;
  topicName(topic: OutgoingRecord['topic']): string;
}

/** Records of one partition that go together. */
interface Batch {
  topic: string;
  partition: number;
  firstSequence: number;
  /** Their places among all records. */
  places: number[];
  messages: { key: string; value: Buffer | null }[];
  bytes: number;
}

export function createProducer({ cluster, id, transactionalId, topicName }: ProducerOptions): Producer {
  const sequences = new Map<string, number>();

  async function sendTo(nodeId: number, batches: readonly Batch[], offsets: number[]): Promise<void> {
    const broker = await cluster.findBroker({ nodeId });
    const topicData = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, partitions]) => ({
      topic,
      partitions,
    }));
    const answer = await broker.produce({
      acks: -1,
      timeout: ACKS_WITHIN_MS,
      transactionalId,
      ...id,
      topicData,
    });
    for (const { topicName: topic, partitions } of answer.topics) {
      for (const { partition, baseOffset } of partitions) {
        const batch = batches.find((sent) => sent.topic === topic && sent.partition === partition);
        batch?.places.forEach((place, i) => {
          offsets[place] = Number(baseOffset) + i;
        });
      }
    }
  }

  /** Sends batches of different partitions, all of them again until all have arrived. */
  async function sendRound(
    batches: readonly Batch[],
    offsets: number[],
    forMs: number,
    watch: Watch | undefined,
  ): Promise<void> {
    for (const batch of batches) {
      const counter = `${batch.topic} ${batch.partition}`;
      batch.firstSequence = sequences.get(counter) ?? 0;
      sequences.set(counter, (batch.firstSequence + batch.messages.length) % SEQUENCES);
    }
    await persist(
      async () => {
        watch?.signal.throwIfAborted();
        const byLeader = Map.groupBy(batches, ({ topic, partition }) => leaderOf(cluster, topic, partition));
        await Promise.all([...byLeader].map(([nodeId, own]) => sendTo(nodeId, own, offsets)));
        watch?.onAnswer();
      },
      {
        forMs,
        refresh: () => cluster.refreshMetadata(),
        isFinal: (error) => watch?.signal.aborted || isFencing(error),
      },
    );
  }

  return {
    async send(records, forMs, watch) {
      const offsets: number[] = new Array(records.length).fill(-1);
      for (const round of roundsOf(records, topicName)) await sendRound(round, offsets, forMs, watch);
      return offsets;
    },
  };
}

/** The broker that a partition is read from and written to. Throws when there is none, which passes. */
export function leaderOf(cluster: Cluster, topic: string, partition: number): number {
  const found = cluster
    .findTopicPartitionMetadata(topic)
    .find(({ partitionId }) => partitionId === partition);
  if (found !== undefined && found.leader >= 0) return found.leader;
  throw Object.assign(new Error(`${topic}, partition ${partition} has no leader`), {
    name: 'KafkaJSNoLeader',
  });
}

/** Records in batches, one a partition and round, of no more than the broker takes. */
function* roundsOf(
  records: readonly OutgoingRecord[],
  topicName: ProducerOptions['topicName'],
): Generator<Batch[]> {
  let round = new Map<string, Batch>();
  let count = 0;
  for (const [place, { topic, partition, key, value }] of records.entries()) {
    const bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(key) + (value?.length ?? 0);
    const isFull =
      (round.get(`${topic} ${partition}`)?.bytes ?? 0) + bytes > MAX_BATCH_BYTES && round.size > 0;
    if (isFull || count === MAX_RECORDS) {
      yield [...round.values()];
      round = new Map();
      count = 0;
    }
    const batch: Batch = round.get(`${topic} ${partition}`) ?? {
      topic: topicName(topic),
      partition,
      firstSequence: 0,
      places: [],
      messages: [],
      bytes: 0,
    };
    round.set(`${topic} ${partition}`, batch);
    batch.places.push(place);
    batch.messages.push({ key, value });
    batch.bytes += bytes;
    count++;
  }
  if (count > 0) yield [...round.values()];
}
