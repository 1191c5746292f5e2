// Events as records of Kafka, and records as events. Pure.
//
// A record's key is what the compacted topic keeps one record of; which partition it is in was decided by keyOf(), and
// is said, never left to the client: an idempotent producer that tries again must not choose another one.

import {
  compactionKeyOf,
  type EventOf,
  type EventType,
  type HooklaneEvent,
  keyOf,
  TOPIC_OF,
  type Topic,
} from '../events.ts';
import { decode, encode, typeIn, Undecodable } from './codec.ts';
import type { FetchedMessage, FetchedPartition } from './kafka-wire.ts';
import { LogRefused, type StoredEvent } from './log.ts';
import { partitionOf } from './partitioner.ts';

/** An event, ready to be sent. */
export interface OutgoingRecord {
  topic: Topic;
  partition: number;
  key: string;
  /** null: what stands under the key is to go. */
  value: Buffer | null;
}

/** Throws for an event that its schema cannot hold. */
export function recordOf(event: HooklaneEvent, partitions: number): OutgoingRecord {
  const topic = TOPIC_OF[event.type];
  const key = keyOf(event);
  const partition = partitionOf(key, partitions);
  switch (event.type) {
    case 'PendingDropped':
      return { topic, partition, key: compactionKeyOf(event), value: null };
    case 'LaneSaved':
    case 'PendingSaved':
    case 'RetriedSaved':
      return { topic, partition, key: compactionKeyOf(event), value: encode(event) };
    default:
      return { topic, partition, key, value: encode(event) };
  }
}

/** A record as it was read. */
export interface RawRecord {
  offset: number;
  key: string;
  value: Buffer | null;
}

/** What a fetch has brought of a partition, and from which offset to fetch on. */
export interface Portion {
  records: RawRecord[];
  next: number;
  /** Behind what was committed of the partition when it was asked for. */
  end: number;
}

/** What the control record that ends an aborted transaction has as its key. */
const ABORT_MARKER = Buffer.of(0, 0, 0, 0);

/**
 * The records from offset `from` on that belong to no aborted transaction, without control records. A broker sends
 * whole batches, so some may lie before `from`; it names the aborted transactions that reach into them.
 * Source: org.apache.kafka.clients.consumer.internals.CompletedFetch.
 */
export function portionOf(answer: FetchedPartition, from: number): Portion {
  const { messages, abortedTransactions, lastStableOffset } = answer;
  const begun = (abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset) - Number(b.firstOffset));
  const aborted = new Set<string>();
  const records: RawRecord[] = [];
  let next = from;
  for (const message of messages) {
    const { batchContext, value, key } = message;
    const offset = Number(message.offset);
    for (let first = begun[0]; first && offset >= Number(first.firstOffset); first = begun[0]) {
      aborted.add(first.producerId);
      begun.shift();
    }
    next = Math.max(next, Number(batchContext.firstOffset) + batchContext.lastOffsetDelta + 1);
    if (message.isControlRecord) {
      if (isAbort(message)) aborted.delete(batchContext.producerId);
      continue;
    }
    if (offset < from || (batchContext.inTransaction && aborted.has(batchContext.producerId))) continue;
    records.push({ offset, key: String(key ?? ''), value });
  }
  return { records, next, end: Math.max(next, Number(lastStableOffset)) };
}

function isAbort({ key }: FetchedMessage): boolean {
  return key !== null && ABORT_MARKER.equals(key);
}

/** The event in a record; undefined: it is a tombstone, or of a type that is not wanted. Throws LogRefused. */
export function storedEvent<T extends Topic>(
  { offset, value }: RawRecord,
  { topic, partition }: { topic: T; partition: number },
  types?: readonly EventType[],
): StoredEvent<T> | undefined {
  if (value === null) return undefined;
  // What is of no type that we know is not skipped: it may be one of those that are wanted.
  const type = types === undefined ? undefined : typeIn(value);
  if (type !== undefined && !types?.includes(type)) return undefined;
  try {
    // What stands in a topic was put there by its type.
    return { topic, partition, offset, event: decode(value) as EventOf<T> };
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new LogRefused(`${topic}, partition ${partition}, offset ${offset}: ${error.message}`, {
      cause: error,
    });
  }
}
