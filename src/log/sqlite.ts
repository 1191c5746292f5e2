// The log on SQLite: one file, log.db, in the data directory. Appends of this process wake readers at once; those
// of other processes are noticed by asking SQLite, every 20 ms while somebody waits, whether another connection has
// written. One process serves a directory; within it the newest member of a group owns all partitions.
//
// What is read is read here, in the thread of who asks; what is written may be written in one of its own.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { sqliteCode } from '../database-file.ts';
import type { Topic } from '../events.ts';
import { type Batch, type Log, LogUnavailable, type ReadOptions } from './log.ts';
import { createNews } from './news.ts';
import { createCommitter } from './sqlite-committer.ts';
import { type LogFile, openLogFile, refused, sizeBytes } from './sqlite-file.ts';
import { createGroups } from './sqlite-groups.ts';
import { isServed, type ServingLock, takeServingLock } from './sqlite-lock.ts';
import { createPruning } from './sqlite-pruning.ts';
import { createReader, type Range, type Reader, type Selection } from './sqlite-reader.ts';
import { startCommitThread } from './sqlite-thread.ts';
import { createWriter } from './sqlite-writer.ts';
import { createTail } from './tail.ts';

export interface SqliteLogOptions {
  /** The data directory; made if it is not there. */
  directory: string;
  /** For a new log, default 1; for one that is there it must be what it has. */
  partitions?: number;
  /** To be the one process that joins groups. Others may read and append. */
  serve: boolean;
  /** To write in a thread of its own, so that nothing else waits for the disk; for who writes much (default: false). */
  thread?: boolean;
}

/** How often other processes' appends are looked for. */
const POLL_MS = 20;
/** Events that are read at a time. */
const BATCH_EVENTS = 1_000;

/** Opens the log of a data directory. Throws LogRefused. */
export function openSqliteLog(options: SqliteLogOptions): Log {
  const { directory, partitions: wanted, serve } = options;
  const file = openLogFile(directory, wanted);
  let lock: ServingLock | undefined;
  try {
    lock = serve ? takeServingLock(directory) : undefined;
    return createLog(file, lock, options);
  } catch (error) {
    file.db.close();
    lock?.release();
    throw sqliteCode(error) === undefined ? error : refused(file.path, error);
  }
}

/** The log in a file that is open; `lock` is released with it, and only who has one may join groups. */
function createLog(
  { db, partitions, path }: LogFile,
  lock: ServingLock | undefined,
  { directory, thread: inThread = false }: SqliteLogOptions,
): Log {
  const listeners = new Set<() => void>();
  const reader = createReader(db);
  const committer = createCommitter(db, partitions, wakeAll);
  const tail = createTail(['inbound', 'organizations']);
  const thread = inThread ? startCommitThread(directory) : undefined;
  const writer = createWriter({ partitions, committer, thread, tail, onWritten: wakeAll });
  const groups = createGroups({ db, reader: { select: selectNewest }, committer, writer, listen });
  const pruning = createPruning(db, ensureOpen);
  const closing = new AbortController();
  let polling: NodeJS.Timeout | undefined;
  let closed: Promise<void> | undefined;

  function wakeAll(): void {
    for (const listener of listeners) listener();
  }

  /** Calls `listener` whenever the log may have grown, until the returned function is called. */
  function listen(listener: () => void): () => void {
    listeners.add(listener);
    polling ??= setInterval(lookForOthers, POLL_MS);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      clearInterval(polling);
      polling = undefined;
    };
  }

  function lookForOthers(): void {
    try {
      committer.lookForOthers();
    } catch (error) {
      // Nobody has asked: who reads or writes is told, who waits goes on waiting, and is woken when it is over.
      if (!(error instanceof LogUnavailable)) throw error;
    }
  }

  function ensureOpen(): void {
    if (closing.signal.aborted) throw new LogUnavailable('the log is closed');
  }

  /** For who waits for what comes. A replay reads what stands in the file, of which something may have been taken out. */
  function selectNewest<T extends Topic>(topic: T, range: Range): Selection<T> {
    const { from, end, types, mentions } = range;
    const max = Math.min(range.max, end - from);
    const newest = mentions === undefined ? tail.from(topic, { ...range, max }) : undefined;
    const last = newest?.at(-1);
    if (newest === undefined || last === undefined) return reader.select(topic, range);
    const events = types === undefined ? newest : newest.filter(({ event }) => types.includes(event.type));
    return { events, next: last.offset + 1 };
  }

  function endsOf(topic: Topic): number[] {
    ensureOpen();
    committer.lookForOthers();
    return committer.ends(topic);
  }

  async function* read<T extends Topic>(topic: T, options: ReadOptions = {}): AsyncGenerator<Batch<T>> {
    yield* batches(topic, options, { ends: endsOf(topic), select: reader.select });
  }

  async function* batches<T extends Topic>(
    topic: T,
    { from = {}, partition: only, types, mentions, batch: max = BATCH_EVENTS }: ReadOptions,
    { ends, select }: { ends: readonly number[]; select: Reader['select'] },
  ): AsyncGenerator<Batch<T>> {
    for (const [partition, end] of ends.entries()) {
      if (only !== undefined && only !== partition) continue;
      for (let at = from[partition] ?? 0; at < end; ) {
        ensureOpen();
        const { events, next } = select(topic, { partition, from: at, end, max, types, mentions });
        yield { topic, partition, events, next, end };
        at = next;
        // SQLite answers at once: without this a long replay would keep everything else from running.
        await nextTurn();
      }
    }
  }

  async function* follow<T extends Topic>(
    topic: T,
    { signal, from = {}, ...options }: ReadOptions & { signal: AbortSignal },
  ): AsyncGenerator<Batch<T>> {
    ensureOpen();
    const ended = AbortSignal.any([signal, closing.signal]);
    const reached: Record<number, number> = { ...from };
    const news = createNews();
    const stopListening = listen(news.raise);
    ended.addEventListener('abort', news.raise);
    try {
      while (!ended.aborted) {
        // What others write is looked for meanwhile, as we listen.
        const newest = { ends: committer.ends(topic), select: selectNewest };
        for await (const batch of batches(topic, { ...options, from: reached }, newest)) {
          reached[batch.partition] = batch.next;
          yield batch;
          if (ended.aborted) return;
        }
        await news.heard();
      }
    } catch (error) {
      // Closed between two batches.
      if (!ended.aborted) throw error;
    } finally {
      stopListening();
      ended.removeEventListener('abort', news.raise);
    }
  }

  async function close(): Promise<void> {
    await groups.close();
    closing.abort();
    await writer.close();
    clearInterval(polling);
    db.close();
    lock?.release();
  }

  return {
    partitions,
    pruning: {
      ...pruning,
      rewrite(rewrite) {
        tail.forget(rewrite.topic, rewrite.partition);
        return pruning.rewrite(rewrite);
      },
    },
    read,
    async latest(partition, keys) {
      ensureOpen();
      return reader.latest(partition, keys);
    },
    follow,
    async append(events) {
      ensureOpen();
      return writer.write(events);
    },
    isFull: writer.isFull,
    join(group, topic, work) {
      if (closed !== undefined) throw new LogUnavailable('the log is closed');
      if (lock === undefined) throw new Error('only the serving process joins groups');
      return groups.join(group, topic, work);
    },
    async ends(topic) {
      return endsOf(topic);
    },
    async positions(group, topic) {
      ensureOpen();
      return groups.positions(group, topic, partitions);
    },
    async served() {
      return lock !== undefined || isServed(directory);
    },
    async size() {
      return sizeBytes(path);
    },
    async sizes() {
      ensureOpen();
      return undefined;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}
