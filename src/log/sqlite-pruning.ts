// Taking events out of log.db, beside a server that writes it: each step is one short transaction. The file gets no
// smaller by it; SQLite uses the pages that were freed again.

import type { DatabaseSync } from 'node:sqlite';
import { encode } from './codec.ts';
import type { Pruning } from './log.ts';
import { OFFSETS, reaching } from './sqlite-file.ts';

/** The name of the time in table `meta`. */
const PRUNED = 'prunedBeforeMs';

export function createPruning(db: DatabaseSync, ensureOpen: () => void): Pruning {
  const readMeta = db.prepare('SELECT value FROM meta WHERE name = ?');
  const writeMeta = db.prepare(
    `INSERT INTO meta VALUES (?, CAST(? AS INTEGER))
     ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
  );

  function transaction<T>(work: () => T): T {
    return reaching(() => {
      ensureOpen();
      try {
        db.exec('BEGIN IMMEDIATE');
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  return {
    async prunedBeforeMs() {
      ensureOpen();
      return reaching(() => Number(readMeta.get(PRUNED)?.value ?? 0));
    },
    async begin(beforeMs) {
      transaction(() => writeMeta.run(PRUNED, beforeMs));
    },
    async rewrite({ topic, partition, remove, put }) {
      const base = partition * OFFSETS;
      const newest = db.prepare(`SELECT max(id) AS id FROM ${topic} WHERE id >= ? AND id < ?`);
      const bytesAt = db.prepare(`SELECT length(data) AS bytes FROM ${topic} WHERE id = ?`);
      const removeAt = db.prepare(`DELETE FROM ${topic} WHERE id = ?`);
      const putAt = db.prepare(`UPDATE ${topic} SET data = ? WHERE id = ?`);
      return transaction(() => {
        const last = Number(newest.get(base, base + OFFSETS)?.id ?? -1);
        let freed = 0;
        for (const offset of remove) {
          if (base + offset === last) throw new RangeError(`offset ${offset} is the newest of ${topic}`);
          freed += Number(bytesAt.get(base + offset)?.bytes ?? 0);
          removeAt.run(base + offset);
        }
        for (const { offset, event } of put) {
          const data = encode(event);
          freed += Number(bytesAt.get(base + offset)?.bytes ?? 0) - data.length;
          if (putAt.run(data, base + offset).changes === 0) {
            throw new RangeError(`nothing stands at offset ${offset} of ${topic}`);
          }
        }
        return freed;
      });
    },
  };
}
