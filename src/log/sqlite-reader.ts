// Reads log.db: some events of one partition at a time, within a bound of events and of bytes.

import type { DatabaseSync } from 'node:sqlite';
import type { EventOf, EventType, Topic } from '../events.ts';
import { decode, typeIn, Undecodable } from './codec.ts';
import { LogRefused, type StoredEvent } from './log.ts';
import { OFFSETS, reaching } from './sqlite-file.ts';

/** Bytes that are read at a time. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface Range {
  partition: number;
  from: number;
  /** Not this one any more. */
  end: number;
  /** Events at most. */
  max: number;
  /** Only these; others are skipped undecoded. */
  types?: readonly EventType[] | undefined;
}

export interface Reader {
  /** Events of a range, and the offset to read on from. Throws LogUnavailable, or LogRefused for what is no event. */
  select<T extends Topic>(topic: T, range: Range): { events: StoredEvent<T>[]; next: number };
}

export function createReader(db: DatabaseSync): Reader {
  const plain = (topic: Topic) =>
    db.prepare(`SELECT id, data FROM ${topic} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`);
  const statements = {
    inbound: plain('inbound'),
    organizations: plain('organizations'),
    outbound: plain('outbound'),
    // The plus keeps SQLite from the index by partition and key: it would sort the whole partition for each batch.
    lanes: db.prepare(
      `SELECT "offset" AS id, data FROM lanes
       WHERE "offset" >= ? AND "offset" < ? AND +partition = ? ORDER BY "offset" LIMIT ?`,
    ),
  };
  return {
    select(topic, { partition, from, end, max, types }) {
      const base = topic === 'lanes' ? 0 : partition * OFFSETS;
      const bounds = topic === 'lanes' ? [from, end, partition] : [base + from, base + end];
      const events: StoredEvent<typeof topic>[] = [];
      let rows = 0;
      let bytes = 0;
      return reaching(() => {
        for (const row of statements[topic].iterate(...bounds, max)) {
          const offset = Number(row.id) - base;
          const data = asBuffer(row.data);
          const type = types === undefined ? undefined : typeIn(data);
          // What is of no type that we know is not skipped: it may be one of those that are wanted.
          if (type === undefined || types?.includes(type)) {
            events.push({ topic, partition, offset, event: decodeAt(data, { topic, partition, offset }) });
          }
          rows++;
          bytes += data.length;
          if (bytes >= MAX_BYTES || rows === max) return { events, next: offset + 1 };
        }
        return { events, next: end };
      });
    },
  };
}

function asBuffer(blob: unknown): Buffer {
  if (!(blob instanceof Uint8Array)) throw new LogRefused('log.db holds a record that is no blob');
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
}

function decodeAt<T extends Topic>(
  data: Buffer,
  { topic, partition, offset }: { topic: T; partition: number; offset: number },
): EventOf<T> {
  try {
    // What stands in a topic was put there by its type.
    return decode(data) as EventOf<T>;
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new LogRefused(`${topic}, partition ${partition}, offset ${offset}: ${error.message}`, {
      cause: error,
    });
  }
}
