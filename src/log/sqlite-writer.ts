// The writer of log.db: appends and commits that wait at the same moment are written in one transaction, so that
// one sync of the disk serves them all. Each is answered after that transaction is on disk.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { compactionKeyOf, type HooklaneEvent, keyOf, TOPIC_OF, TOPICS, type Topic } from '../events.ts';
import { encode } from './codec.ts';
import { Fenced, type Group, type Position } from './log.ts';
import { partitionOf } from './partitioner.ts';
import { asUnavailable, OFFSETS } from './sqlite-file.ts';

/** That a partition is still owned by who holds `epoch`, and up to where it has been worked off. */
export interface Fence {
  group: Group;
  topic: Topic;
  partition: number;
  epoch: number;
  upTo: number;
}

export interface Writer {
  /** Resolves to where the events stand, once they are on disk. */
  write(events: readonly HooklaneEvent[], fence?: Fence): Promise<Position[]>;
  /** Makes the caller the newest owner: its epoch and the group's position, for each partition. */
  claim(group: Group, topic: Topic): { epoch: number; position: number }[];
  /** For each partition, the offset that the next event gets; as far as this process has noticed. */
  ends(topic: Topic): number[];
  endOf(topic: Topic, partition: number): number;
  /** Whether another process has written since this was asked last; from then on ends() tell the new ends. */
  othersWrote(): boolean;
  /** Writes what waits. */
  flush(): void;
}

interface RecordToWrite {
  topic: Topic;
  partition: number;
  /** Under which a compacted topic keeps it. */
  key: string | undefined;
  /** Undefined: takes away what stands under the key. */
  data: Buffer | undefined;
}

interface Job {
  records: RecordToWrite[];
  fence: Fence | undefined;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

/** `onWritten` is called with the topics that have grown, before the writes are answered. */
export function createWriter(
  db: DatabaseSync,
  partitions: number,
  onWritten: (topics: ReadonlySet<Topic>) => void,
): Writer {
  const insert = forTopics((topic) =>
    topic === 'lanes' ? undefined : db.prepare(`INSERT INTO ${topic} VALUES (?, ?)`),
  );
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
  const dataVersion = db.prepare('PRAGMA data_version');
  const lastIds = forTopics((topic) => lastIdStatement(db, topic));

  let jobs: Job[] = [];
  let scheduled = false;
  let seenVersion = version();
  let ends = readEnds();

  function version(): number {
    return Number(dataVersion.get()?.data_version);
  }

  function readEnds(): Record<Topic, number[]> {
    return forTopics((topic) =>
      Array.from({ length: partitions }, (_, partition) => {
        const last = lastIds[topic].get(...idRange(topic, partition))?.id;
        return last === undefined || last === null ? 0 : (Number(last) % OFFSETS) + 1;
      }),
    );
  }

  function refresh(): boolean {
    const now = version();
    if (now === seenVersion) return false;
    seenVersion = now;
    ends = readEnds();
    return true;
  }

  function transaction<T>(work: () => T): T {
    begin.run();
    try {
      refresh();
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      ends = readEnds();
      throw error;
    }
  }

  /** Writes one job, if its fence holds. */
  function writeJob({ records, fence }: Job): Position[] | Fenced {
    if (fence !== undefined) {
      const { group, topic, partition, epoch, upTo } = fence;
      const { changes } = move.run(upTo, group, topic, partition, epoch);
      if (changes === 0) return new Fenced(group, topic, partition);
    }
    return records.map(({ topic, partition, key, data }) => {
      const offsets = ends[topic];
      const offset = offsets[partition] ?? 0;
      if (key === undefined) insert[topic]?.run(partition * OFFSETS + offset, data ?? null);
      else if (data === undefined) remove.run(partition, key);
      else replace.run(partition, key, data);
      offsets[partition] = offset + 1;
      return { topic, partition, offset };
    });
  }

  function flush(): void {
    scheduled = false;
    const batch = jobs;
    if (batch.length === 0) return;
    jobs = [];
    let results: (Position[] | Fenced)[];
    try {
      results = transaction(() => batch.map(writeJob));
    } catch (error) {
      const unavailable = asUnavailable(error);
      for (const { reject } of batch) reject(unavailable);
      return;
    }
    onWritten(
      new Set(
        results.flatMap((result) => (result instanceof Fenced ? [] : result.map(({ topic }) => topic))),
      ),
    );
    batch.forEach(({ resolve, reject }, i) => {
      const result = results[i];
      if (result instanceof Fenced) reject(result);
      else resolve(result ?? []);
    });
  }

  return {
    write(events, fence) {
      const records = events.map((event) => recordOf(event, partitions));
      return new Promise((resolve, reject) => {
        jobs.push({ records, fence, resolve, reject });
        // Not at once: whoever else gets to write in this turn of the event loop shares the transaction.
        if (!scheduled) setImmediate(flush);
        scheduled = true;
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
    othersWrote: refresh,
    flush,
  };
}

function forTopics<T>(make: (topic: Topic) => T): Record<Topic, T> {
  return Object.fromEntries(TOPICS.map((topic) => [topic, make(topic)])) as Record<Topic, T>;
}

function recordOf(event: HooklaneEvent, partitions: number): RecordToWrite {
  const topic = TOPIC_OF[event.type];
  const partition = partitionOf(keyOf(event), partitions);
  if (event.type === 'PendingDropped')
    return { topic, partition, key: compactionKeyOf(event), data: undefined };
  const compacted = event.type === 'LaneSaved' || event.type === 'PendingSaved';
  return { topic, partition, key: compacted ? compactionKeyOf(event) : undefined, data: encode(event) };
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
