// The file views.db: recognised before it is opened, made if it is not there, and what SQLite's errors mean. A file
// that is not ours, or is corrupt, is refused and left as it is. Opening one that is whole writes nothing, so a
// command does not wait for a server that is writing.

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { comesFromOutside, sqliteCode, whyForeign } from '../database-file.ts';
import { type ViewsLook, ViewsRefused, ViewsUnavailable } from './views.ts';

/** The files of the store that hold documents. */
export const FILES = ['views.db', 'views.db-wal'];
/** The application id is `HkVw`. */
const KIND = { applicationId: 0x486b5677, format: 1 };
/** How long a write waits for another process that writes. */
const BUSY_MS = 5_000;
/**
 * Pages of the many indexes that are kept in memory, 16 MiB instead of 2, and of what is written before it is copied into the
 * file, 16 MB instead of 4: among 10,000 organizations read models cost a tenth less, and a trigger comes a fifth sooner.
 */
const CACHING = 'PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000';
/** CORRUPT and NOTADB. Source: sqlite.org/rescode.html. */
const BROKEN = new Set([11, 26]);
const ADVICE = 'views.db may be moved away or deleted while nothing runs: it is rebuilt from the log';

/** Durations are REAL, as Infinity is for ever. `swept`: up to this id payloads before the horizon are off the disk. */
const KEEPING = `
  CREATE TABLE IF NOT EXISTS keeping (
    generation INTEGER PRIMARY KEY, newest INTEGER NOT NULL, documents REAL NOT NULL, payloads REAL NOT NULL,
    swept TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE TABLE IF NOT EXISTS forgotten (view TEXT PRIMARY KEY, before INTEGER NOT NULL) STRICT;`;

const TABLES = `
  CREATE TABLE IF NOT EXISTS views (
    view TEXT PRIMARY KEY, generation INTEGER NOT NULL, version INTEGER NOT NULL, shape TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS shadows (
    view TEXT PRIMARY KEY, generation INTEGER NOT NULL, heard INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE IF NOT EXISTS positions (
    generation INTEGER NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (generation, topic, partition)
  ) STRICT, WITHOUT ROWID;
  ${KEEPING}
  CREATE TABLE IF NOT EXISTS generations (last INTEGER NOT NULL) STRICT;
  INSERT INTO generations SELECT 0 WHERE NOT EXISTS (SELECT * FROM generations);`;

/** Opens views.db in a directory, making both if they are not there. Throws ViewsRefused or ViewsUnavailable. */
export function openViewsFile(directory: string): DatabaseSync {
  const path = join(directory, 'views.db');
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const foreign = whyForeign(path, KIND);
    if (foreign !== undefined) throw refused(foreign);
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    if (db.prepare('PRAGMA application_id').get()?.application_id !== KIND.applicationId) {
      // Before WAL is on: so the header, by which the file is recognised, is in the file itself.
      db.exec(`BEGIN IMMEDIATE; ${TABLES}
        PRAGMA application_id = ${KIND.applicationId}; PRAGMA user_version = ${KIND.format}; COMMIT`);
    }
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${CACHING}`);
    addHeard(db);
    addKeeping(db);
    return db;
  } catch (error) {
    db?.close();
    throw whileOpening(error);
  }
}

/** A file of before 0.2 does not say when the maker of a shadow was last heard of. */
function addHeard(db: DatabaseSync): void {
  const columns = db.prepare("SELECT count(*) AS n FROM pragma_table_info('shadows') WHERE name = 'heard'");
  if (Number(columns.get()?.n) > 0) return;
  try {
    db.exec('ALTER TABLE shadows ADD COLUMN heard INTEGER NOT NULL DEFAULT 0');
  } catch (error) {
    // Another process was quicker.
    if (Number(columns.get()?.n) === 0) throw error;
  }
}

/** Nor how long its documents are kept. */
function addKeeping(db: DatabaseSync): void {
  const found = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'keeping'").get();
  if (found === undefined) db.exec(KEEPING);
}

/** What views.db in a directory holds, without making or changing it. Throws ViewsRefused or ViewsUnavailable. */
export function lookAtViewsFile(directory: string): ViewsLook {
  const path = join(directory, 'views.db');
  const versions = new Map<string, number>();
  const look = { versions, server: undefined, serverAtMs: undefined };
  let db: DatabaseSync | undefined;
  try {
    const foreign = whyForeign(path, KIND);
    if (foreign !== undefined) throw refused(foreign);
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return look;
    // Not read-only: such a connection would leave the files behind that it needs beside this one.
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    for (const row of db.prepare('SELECT view, version FROM views').iterate())
      versions.set(String(row.view), Number(row.version));
    return look;
  } catch (error) {
    throw whileOpening(error);
  } finally {
    db?.close();
  }
}

/** An error of opening as what a caller can act on; one that is a bug comes back as it is. */
export function whileOpening(error: unknown): unknown {
  return isBroken(error)
    ? refused(`views.db is corrupt: ${error.message}`, { cause: error })
    : asUnavailable(error);
}

/** As whileOpening(), for a store that is in use: others go on, and the file can be seen to at the next start. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof Error) || !(comesFromOutside(error) || 'syscall' in error)) return error;
  const advice = isBroken(error) ? `; ${ADVICE}` : '';
  return new ViewsUnavailable(`the read models cannot be used: ${error.message}${advice}`, { cause: error });
}

/** Refuses the file, and says what can be done. */
function refused(why: string, options?: ErrorOptions): ViewsRefused {
  return new ViewsRefused(`${why}; ${ADVICE}`, options);
}

function isBroken(error: unknown): error is Error {
  return BROKEN.has(sqliteCode(error) ?? -1);
}
