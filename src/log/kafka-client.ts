// kafkajs: its connections, and what is wrong with them mended. This file alone knows it; the type of a client is its own.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AssignerProtocol, Kafka, logLevel, type SASLOptions } from 'kafkajs';
import type { KafkaConfig } from '../kafka-url.ts';
import { encodeProduce } from './kafka-batch.ts';
import { ANSWER_WITHIN_MS, guarded, inTime } from './kafka-deadline.ts';
import type { Cluster, ProduceRequest } from './kafka-wire.ts';
import { LogRefused, LogUnavailable } from './log.ts';

export { AssignerProtocol, type Kafka };

/** A connection that is not there by then counts as failed. */
const CONNECT_WITHIN_MS = 3_000;
/** How the client tries again by itself: hardly, as we do it. */
const RETRY = { initialRetryTime: 20, maxRetryTime: 200, retries: 3 };

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
export function clusterOf(kafka: Kafka, topics: readonly string[]): Cluster {
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
