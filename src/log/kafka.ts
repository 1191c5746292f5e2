// The log on Kafka. This file alone knows kafkajs: it makes its connections, mends what is wrong with them, and puts
// the engine together. Of kafkajs the protocol is used, not its producers and consumers: those give up, wait or repeat
// where the port says otherwise. What they send, and why, stands in the files beside this one.
//
//   kafka-wire          requests and errors              kafka-topics        topics, made and checked
//   kafka-producer      records to partitions            kafka-append        appends, gathered
//   kafka-batch         records as bytes                 kafka-deadline      no request for ever
//   kafka-fetch         records from partitions          kafka-reading       replays and followings
//   kafka-transactions  what comes of a partition        kafka-member        who is in a group
//   kafka-owner         one partition, owned             kafka-groups        partitions, owned and lost

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AssignerProtocol, Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { TOPICS, type Topic } from '../events.ts';
import type { KafkaConfig } from '../kafka-url.ts';
import { createAppender } from './kafka-append.ts';
import { encodeProduce } from './kafka-batch.ts';
import { ANSWER_WITHIN_MS, guarded, inTime } from './kafka-deadline.ts';
import { createFetcher } from './kafka-fetch.ts';
import { createGroups } from './kafka-groups.ts';
import { type Names, namesWith } from './kafka-names.ts';
import { bytesOnDisk, missingOperations, stablePositions } from './kafka-raw.ts';
import { createReaders } from './kafka-reading.ts';
import { ensureTopics, startError } from './kafka-topics.ts';
import { asLogError, type Cluster, GROUP, type ProduceRequest, persist } from './kafka-wire.ts';
import { type Group, type Log, LogRefused, LogUnavailable } from './log.ts';

export interface KafkaLogOptions extends KafkaConfig {
  /** Before every name of ours. */
  prefix: string;
  /** For topics that are made, default 16; those that are there must have as many. */
  partitions: number | undefined;
  /** Of the payloads that are taken: topics must have room for what comes of them. */
  bodyBytes: number;
}

/** A connection that is not there by then counts as failed. */
const CONNECT_WITHIN_MS = 3_000;
/** How the client tries again by itself: hardly, as we do it. */
const RETRY = { initialRetryTime: 20, maxRetryTime: 200, retries: 3 };
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

// ── kafkajs ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A client that has not connected yet. Throws LogRefused. */
export function clientFor({ brokers, tls, sasl }: KafkaConfig): Kafka {
  return new Kafka({
    clientId: 'hooklane',
    brokers: [...brokers],
    ...(tls === undefined ? {} : { ssl: tls.caFile === undefined ? true : { ca: [readCa(tls.caFile)] } }),
    // The client's type tells mechanisms apart that have the same fields. It writes into what it is given.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: CONNECT_WITHIN_MS,
    authenticationTimeout: CONNECT_WITHIN_MS,
    requestTimeout: ANSWER_WITHIN_MS,
    retry: RETRY,
    // Whatever goes wrong is thrown to us; its ERROR lines tell of tries that are made again.
    logLevel: logLevel.NOTHING,
  });
}

/** Throws LogRefused. */
function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new LogRefused(`HOOKLANE_KAFKA_CA: ${(error as Error).message}`, { cause: error });
  }
}

/** What kafkajs keeps to itself of its connections. */
interface Inner extends Omit<Cluster, 'disconnect'> {
  targetTopics: Set<string>;
  brokerPool: {
    seedBroker: { connectionPool: ConnectionPool } | undefined;
    brokers: Record<string, { connectionPool: ConnectionPool }>;
  };
}

interface ConnectionPool {
  pool: {
    socket: { destroy(): void } | undefined;
    requestQueue: { rejectAll(error: Error): void; destroy(): void };
  }[];
}

/**
 * The connections of a client, which it gives to its producers and consumers alone. A connection that breaks can leave
 * it with requests that are never answered, or that wait for a socket which is not connected: so every request has a
 * deadline, and when the brokers cannot be asked, all connections are given up and made anew.
 */
function clusterOf(kafka: Kafka, topics: readonly string[]): Cluster {
  let inner = connectionsOf(kafka, topics);

  function renew(): void {
    abandon(inner);
    inner = connectionsOf(kafka, topics);
  }

  return {
    findTopicPartitionMetadata: (topic) => inner.findTopicPartitionMetadata(topic),
    getNodeIds: () => inner.getNodeIds(),
    async refreshMetadata() {
      try {
        await inTime(inner.refreshMetadata());
      } catch (error) {
        renew();
        throw error;
      }
    },
    findBroker: async (which) => guarded(await inTime(inner.findBroker(which))),
    findGroupCoordinator: async (which) => guarded(await inTime(inner.findGroupCoordinator(which))),
    async disconnect() {
      abandon(inner);
    },
  };
}

function connectionsOf(kafka: Kafka, topics: readonly string[]): Inner {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (key === undefined) throw new Error('this release of kafkajs keeps its connections elsewhere');
  const inner: Inner = Reflect.get(kafka, key)({ metadataMaxAge: 60_000, allowAutoTopicCreation: false });
  for (const topic of topics) inner.targetTopics.add(topic);
  return inner;
}

function abandon({ brokerPool }: Inner): void {
  const brokers = [brokerPool.seedBroker, ...Object.values(brokerPool.brokers)];
  for (const { socket, requestQueue } of brokers.flatMap((broker) => broker?.connectionPool.pool ?? [])) {
    requestQueue.rejectAll(new LogUnavailable('the connection was given up'));
    requestQueue.destroy();
    socket?.destroy();
  }
}

const require = createRequire(import.meta.url);

// Once for all connections. It arms a timer of 1 ms, again and again, on each connection that is idle
// (github.com/tulios/kafkajs/issues/1751): only what waits needs one.
const RequestQueue = require('kafkajs/src/network/requestQueue');
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests() {
  if (this.pending.length > 0) schedule.call(this);
};

// Two who need a connection at the same moment would each open a socket, and one of them be left open for ever.
const Connection = require('kafkajs/src/network/connection');
const connect = Connection.prototype.connect;
const connecting = new WeakMap<object, Promise<unknown>>();
Connection.prototype.connect = function connectOnce() {
  const begun = connecting.get(this);
  if (begun !== undefined) return begun;
  const attempt = connect.call(this).finally(() => connecting.delete(this));
  connecting.set(this, attempt);
  return attempt;
};

// Records go out as kafka-batch.ts writes them; what is answered is the client's. Version 7 is the newest that the client
// knows, and every broker from 2.1 on takes it.
const Produce = require('kafkajs/src/protocol/requests/produce');
const produceOf = Produce.protocol;
Produce.protocol = ({ version }: { version: number }) => {
  const client = produceOf({ version });
  if (version !== 7) return client;
  return (request: ProduceRequest) => {
    const encode = async () => {
      const buffer = encodeProduce(request, Date.now());
      return { buf: buffer, buffer };
    };
    const { request: theirs, response } = client({ ...request, topicData: [] });
    return { request: { ...theirs, encode }, response };
  };
};
