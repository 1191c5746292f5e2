// What the Kafka engine uses of its client: requests of the protocol, to the broker that a partition or a group has.
// kafka.ts gives a cluster; nothing else of the client is known here, so that it can be replaced.
//
// Errors of the client are told apart by the error codes of the protocol, not by its classes: what passes by itself
// becomes LogUnavailable, what an operator must mend LogRefused. Source: kafka.apache.org/protocol, "Error Codes".

import { setTimeout as delay } from 'node:timers/promises';
import { LogRefused, LogUnavailable } from './log.ts';

/**
 * A set of connections to the brokers, two to each: one for fetches, which may wait there, one for all else. They are
 * made when they are needed.
 */
export interface Cluster {
  /** Gives up all connections, and what is asked on them. */
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(which: { nodeId: number }): Promise<Broker>;
  /** The numbers of all brokers that are known. */
  getNodeIds(): string[];
  findGroupCoordinator(which: { groupId: string; coordinatorType: 0 | 1 }): Promise<Broker>;
}

/** A producer as a coordinator knows it: only the newest epoch of an id may write. */
export interface ProducerId {
  producerId: string;
  producerEpoch: number;
}

export interface Member {
  groupId: string;
  memberId: string;
}

interface Transaction extends ProducerId {
  transactionalId: string;
}

interface OfTopic<T> {
  topic: string;
  partitions: T[];
}

interface Message {
  key: string;
  value: Buffer | null;
}

export interface FetchedMessage {
  offset: string;
  value: Buffer | null;
  key: Buffer | null;
  isControlRecord: boolean;
  batchContext: { firstOffset: string; lastOffsetDelta: number; producerId: string; inTransaction: boolean };
}

export interface FetchedPartition {
  partition: number;
  lastStableOffset: string;
  abortedTransactions: { producerId: string; firstOffset: string }[] | null;
  messages: FetchedMessage[];
}

export interface JoinedGroup {
  generationId: number;
  leaderId: string;
  memberId: string;
  /** All members, for the leader alone. */
  members: { memberId: string; memberMetadata: Buffer }[];
}

/** Records, to one broker; of each partition a batch. */
export interface ProduceRequest {
  acks: -1;
  /** Milliseconds. */
  timeout: number;
  transactionalId?: string | undefined;
  producerId: string;
  producerEpoch: number;
  topicData: OfTopic<{ partition: number; firstSequence: number; messages: Message[] }>[];
}

/** The requests that are sent to one broker. Offsets are decimal. */
export interface Broker {
  produce(
    request: ProduceRequest,
  ): Promise<{ topics: { topicName: string; partitions: { partition: number; baseOffset: string }[] }[] }>;
  fetch(request: {
    isolationLevel: 1;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: OfTopic<{ partition: number; fetchOffset: string; maxBytes: number }>[];
  }): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
  /** `timestamp` -1: the end, -2: the start. */
  listOffsets(request: {
    isolationLevel: 0 | 1;
    topics: OfTopic<{ partition: number; timestamp: -1 | -2 }>[];
  }): Promise<{ responses: OfTopic<{ partition: number; offset: string }>[] }>;
  initProducerId(request: {
    transactionalId?: string | undefined;
    transactionTimeout: number;
  }): Promise<ProducerId>;
  addPartitionsToTxn(request: Transaction & { topics: OfTopic<number>[] }): Promise<unknown>;
  addOffsetsToTxn(request: Transaction & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    request: Transaction & {
      groupId: string;
      topics: OfTopic<{ partition: number; offset: string; metadata: string }>[];
    },
  ): Promise<unknown>;
  endTxn(request: Transaction & { transactionResult: boolean }): Promise<unknown>;
  joinGroup(
    request: Member & {
      sessionTimeout: number;
      rebalanceTimeout: number;
      groupProtocols: { name: string; metadata: Buffer }[];
    },
  ): Promise<JoinedGroup>;
  syncGroup(
    request: Member & {
      generationId: number;
      groupAssignment: { memberId: string; memberAssignment: Buffer }[];
    },
  ): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: Member & { groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: Member): Promise<unknown>;
  /** For requests that the client has no name for. */
  connectionPool: {
    send<T>(exchange: {
      request: {
        apiKey: number;
        apiVersion: number;
        apiName: string;
        encode: () => Promise<{ buf: Buffer; buffer: Buffer }>;
      };
      response: {
        decode: (bytes: Buffer) => Promise<{ bytes: Buffer }>;
        parse: (decoded: { bytes: Buffer }) => Promise<T>;
      };
    }): Promise<T>;
  };
  describeGroups(request: { groupIds: string[] }): Promise<{ groups: { members: unknown[] }[] }>;
}

export const GROUP = 0;
export const TRANSACTION = 1;

/** Makes a cluster, that is not connected yet. Whoever makes one disconnects it. */
export type MakeCluster = () => Cluster;

// ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Codes of the protocol that the client has no name for. */
const PRODUCER_FENCED = 90;
/** And those of answers that it does not read. */
const NAMES: Readonly<Record<number, string>> = {
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  30: 'GROUP_AUTHORIZATION_FAILED',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  88: 'UNSTABLE_OFFSET_COMMIT',
};

/** An error as the client would make it. */
export function protocolError(code: number): Error {
  const type = NAMES[code] ?? `ERROR_${code}`;
  return Object.assign(new Error(`the broker answered ${type}`), {
    name: 'KafkaJSProtocolError',
    type,
    code,
  });
}

interface Link extends Error {
  type?: unknown;
  code?: unknown;
  errno?: unknown;
  /** Of several that went wrong together. */
  errors?: unknown[];
}

/** The error, and what it was caused by. */
function* chainOf(error: unknown): Generator<Link> {
  let link = error;
  for (let depth = 0; link instanceof Error && depth < 10; depth++) {
    const { cause, errors }: Link = link;
    yield link;
    link = cause ?? errors?.[0];
  }
}

/** Whether one of these codes of the protocol is what went wrong. */
export function isProtocolError(error: unknown, ...types: string[]): boolean {
  for (const { type } of chainOf(error)) if (typeof type === 'string' && types.includes(type)) return true;
  return false;
}

/** Whether a newer owner of the same transactional id has been seen, or the coordinator has given up on ours. */
export function isFencing(error: unknown): boolean {
  for (const { code } of chainOf(error)) if (code === PRODUCER_FENCED) return true;
  return isProtocolError(
    error,
    'INVALID_PRODUCER_EPOCH',
    'INVALID_PRODUCER_ID_MAPPING',
    'UNKNOWN_PRODUCER_ID',
    'INVALID_TXN_STATE',
  );
}

/** What the client says of a connection that was made and has not answered yet: to others who need it, as a plain error. */
const NOT_YET_CONNECTED = 'Broker not connected';

/** Whether it comes from the client or the network, and is no mistake of ours. */
function comesFromOutside(error: unknown): boolean {
  for (const { name, errno, message } of chainOf(error)) {
    if (name.startsWith('KafkaJS') || errno !== undefined || message === NOT_YET_CONNECTED) return true;
  }
  return false;
}

const CUT_OFF = ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError'];

/** Whether a broker was away, or did not answer: it may have been started anew. */
export function isCutOff(error: unknown): boolean {
  for (const link of chainOf(error)) {
    const isCut = CUT_OFF.includes(link.name) || link.message === NOT_YET_CONNECTED;
    if (isCut || link instanceof LogUnavailable) return true;
  }
  return false;
}

const REFUSED = [
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'POLICY_VIOLATION',
  'UNSUPPORTED_VERSION',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
];
const LOGIN_REFUSED = 'KafkaJSSASLAuthenticationError';
const REFUSED_NAMES = [LOGIN_REFUSED, 'KafkaJSServerDoesNotSupportApiKey'];

/** An error of the client as what a caller can act on; one that is a bug comes back as it is. */
export function asLogError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LogUnavailable || error instanceof LogRefused)
    return error;
  if (!comesFromOutside(error)) return error;
  const chain = [...chainOf(error)];
  const isLogin = chain.some(({ name }) => name === LOGIN_REFUSED);
  // The client repeats the message of the cause, once for each link.
  const reason = chain.at(-1)?.message || error.message || 'it cannot be reached';
  const message = `Kafka: ${isLogin ? 'the login was refused: ' : ''}${reason}`;
  const refused = chain.some(({ name }) => REFUSED_NAMES.includes(name));
  return refused || isProtocolError(error, ...REFUSED)
    ? new LogRefused(message, { cause: error })
    : new LogUnavailable(message, { cause: error });
}

// ── trying again ────────────────────────────────────────────────────────────────────────────────────────────

const FIRST_PAUSE_MS = 4;
const MAX_PAUSE_MS = 250;

export interface Persistence {
  /** How long it is tried. */
  forMs: number;
  /** Called before another try, with what went wrong: what is known of the cluster may be out of date. */
  refresh: (error: unknown) => Promise<void>;
  /** Errors that another try does not help. */
  isFinal?: (error: unknown) => boolean;
  signal?: AbortSignal;
}

/**
 * Does `work` until it succeeds. Rejects with its last error, as the client gave it: when that is final or a bug or
 * the time is over. What Kafka answers for some milliseconds after each commit costs no refresh.
 */
export async function persist<T>(work: () => Promise<T>, persistence: Persistence): Promise<T> {
  const { forMs, refresh, isFinal, signal } = persistence;
  const deadlineMs = performance.now() + forMs;
  /** Why the cluster cannot be asked, which says more than that nothing is known of it. */
  let unreachable: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (isFinal?.(error) || !(asLogError(error) instanceof LogUnavailable)) throw error;
      if (performance.now() + pauseMs > deadlineMs) throw unreachable ?? error;
      await delay(pauseMs);
      if (signal?.aborted) throw error;
      if (isProtocolError(error, 'CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT')) continue;
      unreachable = await refresh(error).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    }
  }
}
