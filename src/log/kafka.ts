// The log on Kafka: puts the engine together. Of kafkajs the protocol is used, not its producers and consumers: those give
// up, wait or repeat where the port says otherwise. What is sent, and why, stands in the files beside this one.
//
//   kafka-client        kafkajs and its connections      kafka-deadline      no request for ever
//   kafka-wire          requests and errors              kafka-topics        topics, made and checked
//   kafka-raw           requests the client has not      kafka-names         names of ours in the cluster
//   kafka-records       events as records                kafka-batch         records as bytes
//   kafka-producer      records to partitions            kafka-append        appends, gathered
//   kafka-fetch         records from partitions          kafka-reading       replays and followings
//   kafka-transactions  what comes of a partition        kafka-turns         how many of them at once
//   kafka-member        who is in a group                kafka-assignor      who gets which partition
//   kafka-groups        partitions, owned and lost       kafka-owner         one partition, owned
//   kafka-look          what is wrong, for doctor

import { keyOf, TOPICS, type Topic } from '../events.ts';
import type { KafkaConfig } from '../kafka-url.ts';
import { createAppender } from './kafka-append.ts';
import { AssignerProtocol, clientFor, clusterOf, type Kafka } from './kafka-client.ts';
import { createFetcher } from './kafka-fetch.ts';
import { createGroups } from './kafka-groups.ts';
import { type Names, namesWith } from './kafka-names.ts';
import { bytesOnDisk, missingOperations, stablePositions } from './kafka-raw.ts';
import { createReaders } from './kafka-reading.ts';
import { ensureTopics, startError } from './kafka-topics.ts';
import { asLogError, type Cluster, GROUP, persist } from './kafka-wire.ts';
import { type Batch, type Group, type Log, LogRefused, LogUnavailable } from './log.ts';
import { partitionOf } from './partitioner.ts';

export interface KafkaLogOptions extends KafkaConfig {
  /** Before every name of ours. */
  prefix: string;
  /** For topics that are made, default 16; those that are there must have as many. */
  partitions: number | undefined;
  /** Of the payloads that are taken: topics must have room for what comes of them. */
  bodyBytes: number;
}

/** How long a question about groups is tried. */
const ASK_WITHIN_MS = 5_000;

/** Connects, and makes the topics if they are not there. Rejects with LogRefused or LogUnavailable. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const names = namesWith(options.prefix);
  const kafka = clientFor(options);
  const admin = kafka.admin();
  let partitions: number;
  try {
    await admin.connect();
    // Brokers learn of a topic that has just been made one after the other.
    partitions = await persist(() => ensureTopics({ ...options, admin, names }), {
      forMs: ASK_WITHIN_MS,
      refresh: async () => {},
    });
    await ensureAllowed(clusterOf(kafka, topicsOf(names)), topicsOf(names));
  } catch (error) {
    throw startError(asLogError(error), options.brokers);
  } finally {
    await admin.disconnect();
  }
  return createLog(kafka, options, partitions);
}

function createLog(kafka: Kafka, options: KafkaLogOptions, partitions: number): Log {
  const names = namesWith(options.prefix);
  const topics = topicsOf(names);
  const makeCluster = () => clusterOf(kafka, topics);
  const closing = new AbortController();
  const { signal } = closing;
  const fetcherOptions = { names, partitions, signal };
  const cluster = makeCluster();
  const reading = makeCluster();
  const fetcher = createFetcher(reading, fetcherOptions);
  const appender = createAppender(cluster, names, partitions);
  const groups = createGroups({
    ...{ makeCluster, names, partitions },
    protocol: AssignerProtocol,
    sessionTimeoutMs: options.sessionMs,
  });
  const readers = createReaders(fetcher, () => {
    const own = makeCluster();
    return { fetcher: createFetcher(own, fetcherOptions), done: () => own.disconnect() };
  });
  let closed: Promise<void> | undefined;

  function ensureOpen(): void {
    if (closed !== undefined) throw new LogUnavailable('the log is closed');
  }

  /** Does what may fail at the broker, as the port tells it. */
  async function asking<T>(work: () => Promise<T>): Promise<T> {
    ensureOpen();
    try {
      return await work();
    } catch (error) {
      throw asLogError(error);
    }
  }

  /** Asks a coordinator, again while it is busy or has moved. */
  function asked<T>(question: () => Promise<T>): Promise<T> {
    return persist(question, { forMs: ASK_WITHIN_MS, refresh: () => cluster.refreshMetadata(), signal });
  }

  async function positions(group: Group, topic: Topic): Promise<number[]> {
    const groupId = names.group(group);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const found = await asked(async () => {
      const broker = await cluster.findGroupCoordinator({ groupId, coordinatorType: GROUP });
      return stablePositions(broker, { groupId, topic: names.topic(topic), partitions: all });
    });
    return found.map(({ offset }) => offset);
  }

  function hasMembers(group: Group): Promise<boolean> {
    const groupId = names.group(group);
    return asked(async () => {
      const broker = await cluster.findGroupCoordinator({ groupId, coordinatorType: GROUP });
      const { groups: found } = await broker.describeGroups({ groupIds: [groupId] });
      return found.some(({ members }) => members.length > 0);
    });
  }

  const sizes = () => asking(() => bytesOnDisk(cluster, byTopic(names)));

  async function close(): Promise<void> {
    await groups.close();
    await appender.close();
    closing.abort();
    await fetcher.settled();
    await Promise.all([cluster.disconnect(), reading.disconnect()]);
  }

  return {
    partitions,
    async append(events) {
      ensureOpen();
      return appender.append(events);
    },
    isFull: appender.isFull,
    join(group, topic, work) {
      ensureOpen();
      return groups.join(group, topic, work);
    },
    async *read(topic, readOptions) {
      ensureOpen();
      try {
        for await (const batch of readers.read(topic, readOptions)) {
          if (topic === 'lanes') ensureAtHome(batch, partitions);
          yield batch;
          ensureOpen();
        }
      } catch (error) {
        throw asLogError(error);
      }
    },
    async *follow(topic, { signal: stop, ...followOptions }) {
      ensureOpen();
      const ended = AbortSignal.any([stop, signal]);
      try {
        yield* readers.follow(topic, { ...followOptions, signal: ended });
      } catch (error) {
        // Closed while it waited.
        if (!ended.aborted) throw asLogError(error);
      }
    },
    ends: (topic) => asking(() => fetcher.ends(topic)),
    positions: (group, topic) => asking(() => positions(group, topic)),
    served: () =>
      asking(async () => {
        for (const group of ['recorder', 'dispatcher'] as const) if (await hasMembers(group)) return true;
        return false;
      }),
    size: async () => Object.values(await sizes()).reduce((sum, bytes) => sum + bytes, 0),
    async sizes() {
      const found = await sizes();
      return Object.values(found).some((bytes) => bytes > 0) ? found : undefined;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function byTopic({ topic }: Names): Record<Topic, string> {
  return Object.fromEntries(TOPICS.map((name) => [name, topic(name)])) as Record<Topic, string>;
}

function topicsOf(names: Names): string[] {
  return TOPICS.map(names.topic);
}

/** Throws LogRefused for a lane that stands in another partition than that of its key: nobody would find it. */
function ensureAtHome({ events, partition }: Batch<Topic>, partitions: number): void {
  for (const { event } of events) {
    const home = partitionOf(keyOf(event), partitions);
    if (home === partition) continue;
    throw new LogRefused(
      `Kafka: a lane of partition ${partition} belongs to ${home} of ${partitions}: partitions were added to the topics, ` +
        'which keep the number that they were made with, as keys change places',
    );
  }
}

/** Throws LogRefused when we may not read or write a topic, and disconnects the cluster. */
async function ensureAllowed(cluster: Cluster, topics: readonly string[]): Promise<void> {
  try {
    await cluster.refreshMetadata();
    const [nodeId] = cluster.getNodeIds();
    const broker = await cluster.findBroker({ nodeId: Number(nodeId) });
    for (const { topic, missing } of await missingOperations(broker, topics, ['READ', 'WRITE'])) {
      if (missing.length > 0)
        throw new LogRefused(`Kafka: ${missing.join(' and ')} on topic ${topic} is not allowed`);
    }
  } finally {
    await cluster.disconnect();
  }
}
