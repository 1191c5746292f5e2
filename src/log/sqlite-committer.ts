// What is written to log.db: several writes as one transaction, so that one sync of the disk serves them all. Which of them
// share one, and in which thread that is done, is for the writer to say (see sqlite-writer.ts).

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { TOPICS, type Topic } from '../events.ts';
import type { Group, Position } from './log.ts';
import { BUSY_MS, OFFSETS, reaching } from './sqlite-file.ts';

/** What one event does to its partition. The compacted topic keeps one record under each `key`. */
export type Change =
  | { type: 'append'; topic: Exclude<Topic, 'lanes'>; partition: number; data: Uint8Array }
  | { type: 'replace'; topic: 'lanes'; partition: number; key: string; data: Uint8Array }
  | { type: 'remove'; topic: 'lanes'; partition: number; key: string };

/** That a partition is still owned by who holds `epoch`, and up to where it has been worked off. */
export interface Fence {
  group: Group;
  topic: Topic;
  partition: number;
  epoch: number;
  upTo: number;
}

/** What is written wholly or not at all: only if the fence, where there is one, holds. */
export interface Write {
  changes: readonly Change[];
  fence: Fence | undefined;
}

/** At which offsets the changes of a write stand now; undefined: its fence did not hold. */
export type Written = number[] | undefined;

export interface Committer {
  /**
   * Writes all of them in one transaction, and returns once that is on disk. Throws LogUnavailable, at once while another
   * connection writes, or LogRefused; then nothing has changed.
   */
  commit(writes: readonly Write[]): Written[];
  /** Makes the caller the newest owner: its epoch and the group's position, for each partition. Throws LogUnavailable. */
  claim(group: Group, topic: Topic): { epoch: number; position: number }[];
  /** For each partition, the offset that the next event gets, or more; as far as has been noticed. */
  ends(topic: Topic): number[];
  endOf(topic: Topic, partition: number): number;
  /** Notices what other connections have written: from then on ends() tell the new ends. Throws LogUnavailable. */
  lookForOthers(): void;
  /** Notices what another committer of this process has written, which is sooner told than looked for. */
  noteWritten(position: Position): void;
}

/** For each topic, for each partition, its end. */
type Ends = Record<Topic, number[]>;

/** `onGrown` is called when the log has grown by what others have written. */
export function createCommitter(db: DatabaseSync, partitions: number, onGrown: () => void): Committer {
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
  function transaction<T>(beginIt: () => void, work: (grown: Ends) => T): T {
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

  /** Begins a transaction, or fails at once where another connection writes: to wait for it would stop all of this thread. */
  function beginNow(): void {
    db.exec('PRAGMA busy_timeout = 0');
    try {
      begin.run();
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
  }

  function write({ changes, fence }: Write, grown: Ends): Written {
    if (fence !== undefined) {
      const { group, topic, partition, epoch, upTo } = fence;
      if (move.run(upTo, group, topic, partition, epoch).changes === 0) return undefined;
    }
    return changes.map((change) => apply(change, grown[change.topic]));
  }

  /** Makes one change; the offset at which it now stands. */
  function apply(change: Change, grown: number[]): number {
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

  return {
    commit: (writes) => transaction(beginNow, (grown) => writes.map((one) => write(one, grown))),
    claim: (group, topic) =>
      transaction(
        () => begin.run(),
        () =>
          Array.from({ length: partitions }, (_, partition) => {
            const row = take.get(group, topic, partition);
            return { epoch: Number(row?.epoch), position: Number(row?.offset) };
          }),
      ),
    ends: (topic) => [...ends[topic]],
    endOf: (topic, partition) => ends[topic][partition] ?? 0,
    lookForOthers: () => reaching(lookForOthers),
    noteWritten({ topic, partition, offset }) {
      ends[topic][partition] = Math.max(ends[topic][partition] ?? 0, offset + 1);
    },
  };
}

function forTopics<T>(make: (topic: Topic) => T): Record<Topic, T> {
  return Object.fromEntries(TOPICS.map((topic) => [topic, make(topic)])) as Record<Topic, T>;
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
