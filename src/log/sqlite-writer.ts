// The writer of log.db: appends and commits that wait at the same moment are written in one transaction, so that
// one sync of the disk serves them all. Each is answered after that transaction is on disk; if it cannot be
// written, all of them are rejected and nothing has changed. While another process writes they wait, and everything else
// in this one goes on; how much may wait is bounded by waiting.ts, and for how long by BUSY_MS.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { compactionKeyOf, type HooklaneEvent, keyOf, TOPIC_OF, TOPICS, type Topic } from '../events.ts';
import { encode } from './codec.ts';
import { Fenced, type Group, LogUnavailable, type Position } from './log.ts';
import { partitionOf } from './partitioner.ts';
import { BUSY_MS, isBusy, OFFSETS, reaching } from './sqlite-file.ts';
import { createWaiting, type Size } from './waiting.ts';

/** That a partition is still owned by who holds `epoch`, and up to where it has been worked off. */
export interface Fence {
  group: Group;
  topic: Topic;
  partition: number;
  epoch: number;
  upTo: number;
}

export interface Writer {
  /**
   * Resolves to where the events stand, once they are on disk. Rejects with LogUnavailable or Fenced. Without a fence it
   * throws LogBusy where too much waits.
   */
  write(events: readonly HooklaneEvent[], fence?: Fence): Promise<Position[]>;
  /** Makes the caller the newest owner: its epoch and the group's position, for each partition. Throws LogUnavailable. */
  claim(group: Group, topic: Topic): { epoch: number; position: number }[];
  /** For each partition, the offset that the next event gets, or more; as far as this process has noticed. */
  ends(topic: Topic): number[];
  endOf(topic: Topic, partition: number): number;
  /** Notices what other processes have written: from then on ends() tell the new ends. Throws LogUnavailable. */
  lookForOthers(): void;
  /** Whether a large payload would have to wait for too much. */
  isFull(): boolean;
  /** Writes what waits; nothing else goes on meanwhile. */
  finish(): void;
}

/** What one event does to its partition. The compacted topic keeps one record under each `key`. */
type Change =
  | { type: 'append'; topic: Exclude<Topic, 'lanes'>; partition: number; data: Buffer }
  | { type: 'replace'; topic: 'lanes'; partition: number; key: string; data: Buffer }
  | { type: 'remove'; topic: 'lanes'; partition: number; key: string };

/** A write waits no longer than this to share a transaction. */
const MAX_WAIT_MS = 10;
/** How soon it is tried again while another process writes. */
const RETRY_MS = 5;

interface Job {
  changes: Change[];
  fence: Fence | undefined;
  size: Size;
  /** When it began to wait. */
  sinceMs: number;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

/** For each topic, for each partition, its end. */
type Ends = Record<Topic, number[]>;

/** `onGrown` is called when the log has grown, by our own writes before they are answered. */
export function createWriter(db: DatabaseSync, partitions: number, onGrown: () => void): Writer {
  const insert = {
    inbound: db.prepare('INSERT INTO inbound VALUES (?, ?)'),
    organizations: db.prepare('INSERT INTO organizations VALUES (?, ?)'),
    outbound: db.prepare('INSERT INTO outbound VALUES (?, ?)'),
  };
  const replace = db.prepare('INSERT OR REPLACE INTO lanes (partition, key, data) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM lanes WHERE partition = ? AND key = ?');
  const move = db.prepare(
    'UPDATE positions SET "offset" = ? WHERE "group" = ? AND topic = ? AND partition = ? AND epoch = ?',
  );
  const take = db.prepare(
    `INSERT INTO positions ("group", topic, partition, "offset", epoch) VALUES (?, ?, ?, 0, 1)
     ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch, "offset"`,
  );
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const dataVersion = db.prepare('PRAGMA data_version');
  const lastIds = forTopics((topic) => lastIdStatement(db, topic));

  const waiting = createWaiting();
  let jobs: Job[] = [];
  let scheduled = false;
  let notBeforeMs = 0;
  let seenVersion = version();
  let ends = readEnds();

  /** Changes whenever another connection has committed. */
  function version(): number {
    return Number(dataVersion.get()?.data_version);
  }

  function readEnds(): Ends {
    return forTopics((topic) =>
      Array.from({ length: partitions }, (_, partition) => {
        const last = lastIds[topic].get(...idRange(topic, partition))?.id;
        return last === undefined || last === null ? 0 : (Number(last) % OFFSETS) + 1;
      }),
    );
  }

  function lookForOthers(): void {
    const now = version();
    if (now === seenVersion) return;
    ends = readEnds();
    seenVersion = now;
    onGrown();
  }

  /** Does `work` in a transaction. It counts the ends up in a copy, which counts only if all of it is on disk. */
  function transaction<T>(work: (grown: Ends) => T, beginIt: () => void = () => begin.run()): T {
    return reaching(() => {
      try {
        beginIt();
        lookForOthers();
        const grown = forTopics((topic) => [...ends[topic]]);
        const result = work(grown);
        commit.run();
        ends = grown;
        return result;
      } catch (error) {
        if (db.isTransaction) rollback.run();
        throw error;
      }
    });
  }

  /** Writes one job, if its fence holds. */
  function writeJob({ changes, fence }: Job, grown: Ends): Position[] | Fenced {
    if (fence !== undefined) {
      const { group, topic, partition, epoch, upTo } = fence;
      const moved = move.run(upTo, group, topic, partition, epoch);
      if (moved.changes === 0) return new Fenced(group, topic, partition);
    }
    return changes.map((change) => {
      const { topic, partition } = change;
      return { topic, partition, offset: write(change, grown[topic]) };
    });
  }

  /** Writes one change; the offset at which it now stands. */
  function write(change: Change, grown: number[]): number {
    const { partition } = change;
    const end = grown[partition] ?? 0;
    switch (change.type) {
      case 'append':
        insert[change.topic].run(partition * OFFSETS + end, change.data);
        grown[partition] = end + 1;
        return end;
      case 'replace': {
        const offset = Number(replace.run(partition, change.key, change.data).lastInsertRowid);
        // One sequence serves all partitions of the compacted topic: whichever is written next gets the next one.
        grown.fill(offset + 1);
        return offset;
      }
      case 'remove':
        remove.run(partition, change.key);
        return end;
      default:
        return change satisfies never;
    }
  }

  /**
   * Not at once: whoever else gets to write in this turn of the event loop shares the transaction. And not before
   * as much time has gone by since the last one as that took: so however slow the disk is, no more than half of
   * the time goes into waiting for it, and the busier it is here, the more share a transaction.
   */
  function schedule(): void {
    scheduled = true;
    const waitMs = Math.min(notBeforeMs - performance.now(), MAX_WAIT_MS);
    if (waitMs >= 1) setTimeout(flush, waitMs);
    else setImmediate(flush);
  }

  /** Begins a transaction, or fails at once where another process writes: to wait for it would stop all of this one. */
  function beginNow(): void {
    db.exec('PRAGMA busy_timeout = 0');
    try {
      begin.run();
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
  }

  function flush(): void {
    scheduled = false;
    try {
      writeAll(beginNow);
    } catch (error) {
      const isLocked = error instanceof LogUnavailable && isBusy(error.cause);
      const beforeMs = isLocked ? performance.now() - BUSY_MS : Number.POSITIVE_INFINITY;
      rejectThose(({ sinceMs }) => sinceMs < beforeMs, error);
      if (jobs.length === 0) return;
      scheduled = true;
      setTimeout(flush, RETRY_MS);
    }
  }

  function rejectThose(which: (job: Job) => boolean, error: unknown): void {
    const rejected = jobs.filter(which);
    jobs = jobs.filter((job) => !which(job));
    for (const { size, reject } of rejected) {
      waiting.leave(size);
      reject(error);
    }
  }

  /** Writes what waits. Throws, and then it waits on. */
  function writeAll(beginIt?: () => void): void {
    const batch = jobs;
    if (batch.length === 0) return;
    const startedMs = performance.now();
    const results = transaction((grown) => batch.map((job) => writeJob(job, grown)), beginIt);
    jobs = [];
    const endedMs = performance.now();
    notBeforeMs = endedMs + (endedMs - startedMs);
    onGrown();
    batch.forEach(({ size, resolve, reject }, i) => {
      const result = results[i];
      waiting.leave(size);
      if (result instanceof Fenced) reject(result);
      else resolve(result ?? []);
    });
  }

  return {
    write(events, fence) {
      const changes = events.map((event) => changeOf(event, partitions));
      const size = fence === undefined ? sizeOf(changes) : NOTHING;
      waiting.enter(size);
      return new Promise((resolve, reject) => {
        jobs.push({ changes, fence, size, sinceMs: performance.now(), resolve, reject });
        if (!scheduled) schedule();
      });
    },
    claim: (group, topic) =>
      transaction(() =>
        Array.from({ length: partitions }, (_, partition) => {
          const row = take.get(group, topic, partition);
          return { epoch: Number(row?.epoch), position: Number(row?.offset) };
        }),
      ),
    ends: (topic) => [...ends[topic]],
    endOf: (topic, partition) => ends[topic][partition] ?? 0,
    lookForOthers: () => reaching(lookForOthers),
    isFull: waiting.isFull,
    finish() {
      try {
        writeAll();
      } catch (error) {
        rejectThose(() => true, error);
      }
    },
  };
}

const NOTHING: Size = { events: 0, bytes: 0 };

function sizeOf(changes: readonly Change[]): Size {
  const bytes = changes.reduce((sum, change) => sum + ('data' in change ? change.data.length : 0), 0);
  return { events: changes.length, bytes };
}

function forTopics<T>(make: (topic: Topic) => T): Record<Topic, T> {
  return Object.fromEntries(TOPICS.map((topic) => [topic, make(topic)])) as Record<Topic, T>;
}

function changeOf(event: HooklaneEvent, partitions: number): Change {
  const partition = partitionOf(keyOf(event), partitions);
  switch (event.type) {
    case 'PendingDropped':
      return { type: 'remove', topic: 'lanes', partition, key: compactionKeyOf(event) };
    case 'LaneSaved':
    case 'PendingSaved':
    case 'RetriedSaved':
      return { type: 'replace', topic: 'lanes', partition, key: compactionKeyOf(event), data: encode(event) };
    default: {
      const topic = TOPIC_OF[event.type];
      if (topic === 'lanes')
        throw new Error(`${event.type} stands in a compacted topic and is not compacted`);
      return { type: 'append', topic, partition, data: encode(event) };
    }
  }
}

/** The greatest id of a partition, within idRange(). */
function lastIdStatement(db: DatabaseSync, topic: Topic): StatementSync {
  return topic === 'lanes'
    ? db.prepare('SELECT seq AS id FROM sqlite_sequence WHERE name = ?')
    : db.prepare(`SELECT max(id) AS id FROM ${topic} WHERE id >= ? AND id < ?`);
}

function idRange(topic: Topic, partition: number): (number | string)[] {
  return topic === 'lanes' ? [topic] : [partition * OFFSETS, (partition + 1) * OFFSETS];
}
