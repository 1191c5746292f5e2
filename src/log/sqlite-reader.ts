// Reads log.db: some events of one partition at a time, within a bound of events and of bytes.

import type { DatabaseSync } from 'node:sqlite';
import type { EventOf, EventType, LaneRecord, Topic } from '../events.ts';
import { decode, typeIn, Undecodable } from './codec.ts';
import { LogRefused, type StoredEvent } from './log.ts';
import { OFFSETS, reaching } from './sqlite-file.ts';

/** Bytes that are read at a time. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Offsets that are searched for a text at a time: what SQLite passes over is not counted otherwise. */
const MAX_SEARCHED = 1_000;

export interface Range {
  partition: number;
  from: number;
  /** Not this one any more. */
  end: number;
  /** Events at most. */
  max: number;
  /** Only these; others are skipped undecoded. */
  types?: readonly EventType[] | undefined;
  /** Only those in which this stands. */
  mentions?: string | undefined;
}

/** Events of a range, and the offset to read on from. */
export interface Selection<T extends Topic> {
  events: StoredEvent<T>[];
  next: number;
}

export interface Reader {
  /** Throws LogUnavailable, or LogRefused for what is no event. */
  select<T extends Topic>(topic: T, range: Range): Selection<T>;
  /** What stands in topic lanes under these keys. Throws as select(). */
  latest(partition: number, keys: readonly string[]): LaneRecord[];
}

export function createReader(db: DatabaseSync): Reader {
  const prepared = (sql: string) => {
    const statement = db.prepare(sql);
    // [id, data]: an object a row takes a quarter longer.
    statement.setReturnArrays(true);
    return statement;
  };
  const plain = (topic: Topic, condition: string) =>
    prepared(`SELECT id, data FROM ${topic} WHERE id >= ? AND id < ? ${condition} ORDER BY id LIMIT ?`);
  const prepare = (condition: string) => ({
    inbound: plain('inbound', condition),
    organizations: plain('organizations', condition),
    outbound: plain('outbound', condition),
    // The plus keeps SQLite from the index by partition and key: it would sort the whole partition for each batch.
    lanes: prepared(
      `SELECT "offset", data FROM lanes
       WHERE "offset" >= ? AND "offset" < ? AND +partition = ? ${condition} ORDER BY "offset" LIMIT ?`,
    ),
  });
  const every = prepare('');
  // SQLite searches four times as fast as it hands rows over.
  const mentioning = prepare('AND instr(data, ?)');
  const underKey = prepared('SELECT "offset", data FROM lanes WHERE partition = ? AND key = ?');
  return {
    latest(partition, keys) {
      return reaching(() => {
        const records: LaneRecord[] = [];
        for (const key of keys) {
          const row = underKey.get(partition, key);
          if (row === undefined) continue;
          const { 0: offset, 1: blob } = row;
          records.push(decodeAt(asBuffer(blob), { topic: 'lanes', partition, offset: Number(offset) }));
        }
        return records;
      });
    },

    select(topic, { partition, from, end, max, types, mentions }) {
      const base = topic === 'lanes' ? 0 : partition * OFFSETS;
      const to = mentions === undefined ? end : Math.min(end, from + MAX_SEARCHED);
      const bounds = topic === 'lanes' ? [from, to, partition] : [base + from, base + to];
      const statement = (mentions === undefined ? every : mentioning)[topic];
      const text = mentions === undefined ? [] : [Buffer.from(mentions)];
      const events: StoredEvent<typeof topic>[] = [];
      let rows = 0;
      let bytes = 0;
      return reaching(() => {
        // A row is an array, which its type does not know.
        for (const { 0: id, 1: blob } of statement.iterate(...bounds, ...text, max)) {
          const offset = Number(id) - base;
          const data = asBuffer(blob);
          const type = types === undefined ? undefined : typeIn(data);
          // What is of no type that we know is not skipped: it may be one of those that are wanted.
          if (type === undefined || types?.includes(type)) {
            events.push({ topic, partition, offset, event: decodeAt(data, { topic, partition, offset }) });
          }
          rows++;
          bytes += data.length;
          if (bytes >= MAX_BYTES || rows === max) return { events, next: offset + 1 };
        }
        return { events, next: to };
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
