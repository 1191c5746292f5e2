// Claims on SQLite: a file of their own, claims.db, in the data directory. Not in views.db: the projector writes there for
// tens of milliseconds at a time, and who claims would wait for it, and all who post with him.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { comesFromOutside, sqliteCode, whyForeign } from '../database-file.ts';
import type { Claim, Claims } from './claims.ts';
import { ViewsRefused, ViewsUnavailable } from './views.ts';

/** The application id is `HkCl`. */
const KIND = { applicationId: 0x486b436c, format: 1 };
/** How long a claim waits for another process that writes. None takes longer than a few milliseconds. */
const BUSY_MS = 1_000;
/** CORRUPT and NOTADB. Source: sqlite.org/rescode.html. */
const BROKEN = new Set([11, 26]);
/** Claims that are taken away at a time: a millisecond or two, in which others cannot write. */
const EXPIRED_CLAIMS = 200;
const ADVICE = 'claims.db may be moved away or deleted while nothing runs';

const TABLES = `
  CREATE TABLE IF NOT EXISTS claims (
    key TEXT PRIMARY KEY, body TEXT NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, done INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS claims_until ON claims (until);`;

export interface SqliteClaims extends Claims {
  close(): void;
}

/** Opens claims.db in a directory that is there, making it if it is not. Throws ViewsRefused or ViewsUnavailable. */
export function openSqliteClaims(directory: string): SqliteClaims {
  const db = openFile(join(directory, 'claims.db'));
  const insert = db.prepare('INSERT INTO claims VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const select = db.prepare('SELECT * FROM claims WHERE key = ?');
  const justSo = 'WHERE key = ? AND body = ? AND id = ? AND until = ? AND done = ?';
  const update = db.prepare(`UPDATE claims SET body = ?, id = ?, until = ?, done = ? ${justSo}`);
  const remove = db.prepare(`DELETE FROM claims ${justSo}`);
  const expire = db.prepare(
    'DELETE FROM claims WHERE key IN (SELECT key FROM claims WHERE until < ? LIMIT ?)',
  );

  async function reaching<T>(work: () => T): Promise<T> {
    if (!db.isOpen) throw new ViewsUnavailable('the read models are closed');
    try {
      return work();
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  return {
    claim: (claim) =>
      reaching(() => {
        for (;;) {
          if (insert.run(...columnsOf(claim)).changes === 1) return claim;
          const row = select.get(claim.key);
          // Else it was taken away in between.
          if (row !== undefined) return claimOf(row);
        }
      }),
    replace: (claim, next) =>
      reaching(() => {
        const [, ...changed] = columnsOf(next);
        return update.run(...changed, ...columnsOf(claim)).changes === 1;
      }),
    release: (claim) => reaching(() => void remove.run(...columnsOf(claim))),
    expire: (beforeMs) => reaching(() => expire.run(beforeMs, EXPIRED_CLAIMS).changes === EXPIRED_CLAIMS),
    close() {
      if (db.isOpen) db.close();
    },
  };
}

function openFile(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    const foreign = whyForeign(path, KIND);
    if (foreign !== undefined) throw new ViewsRefused(`${foreign}; ${ADVICE}`);
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    if (db.prepare('PRAGMA application_id').get()?.application_id !== KIND.applicationId) {
      db.exec(`BEGIN IMMEDIATE; ${TABLES}
        PRAGMA application_id = ${KIND.applicationId}; PRAGMA user_version = ${KIND.format}; COMMIT`);
    }
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    return db;
  } catch (error) {
    db?.close();
    if (!isBroken(error)) throw asUnavailable(error);
    throw new ViewsRefused(`claims.db is corrupt: ${error.message}; ${ADVICE}`, { cause: error });
  }
}

function columnsOf({ key, body, id, untilMs, done }: Claim): [string, string, string, number, number] {
  return [key, body, id, untilMs, done ? 1 : 0];
}

function claimOf({ key, body, id, until, done }: Record<string, unknown>): Claim {
  return { key: String(key), body: String(body), id: String(id), untilMs: Number(until), done: done === 1 };
}

function asUnavailable(error: unknown): unknown {
  if (!(error instanceof Error) || !comesFromOutside(error)) return error;
  const advice = isBroken(error) ? `; ${ADVICE}` : '';
  return new ViewsUnavailable(`claims.db cannot be used: ${error.message}${advice}`, { cause: error });
}

function isBroken(error: unknown): error is Error {
  return BROKEN.has(sqliteCode(error) ?? -1);
}
