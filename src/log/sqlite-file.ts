// The file log.db: what it is recognised by, its tables, and what SQLite's errors mean. A file that is not ours, or
// not whole, is refused before SQLite opens it, and left as it is.

import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { comesFromOutside, sqliteCode, whyForeign } from '../database-file.ts';
import { MAX_PARTITIONS, TOPICS } from '../events.ts';
import { LogRefused, LogUnavailable } from './log.ts';

const FILE = 'log.db';
/** The application id is `HkLg`. */
const KIND = { applicationId: 0x486b4c67, format: 1 };
/** How long a write waits for another process that writes. */
export const BUSY_MS = 5_000;
/** Offsets in a partition: an id is partition × this + offset, and stays within the integers of a double. */
export const OFFSETS = 2 ** 40;
const DEFAULT_PARTITIONS = 1;

export interface LogFile {
  db: DatabaseSync;
  partitions: number;
  path: string;
}

/** Opens log.db in a directory, making both if they are not there. Throws LogRefused. */
export function openLogFile(directory: string, partitions: number | undefined): LogFile {
  const path = join(directory, FILE);
  makeWritable(directory);
  const foreign = whyForeign(path, KIND);
  if (foreign !== undefined) throw new LogRefused(`${foreign}; set HOOKLANE_DATA to another directory`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    if (!hasTables(db)) createTables(db, partitions ?? DEFAULT_PARTITIONS);
    // After the tables: so the application id never stands in the write-ahead log alone, where whyForeign() cannot see it.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const has = partitionsIn(db);
    if (has === undefined)
      throw new LogRefused(`${path} is damaged: it does not say how many partitions it has`);
    if (partitions !== undefined && partitions !== has) {
      throw new LogRefused(`${path} has ${has} partitions, which cannot be changed to ${partitions}`);
    }
    return { db, partitions: has, path };
  } catch (error) {
    db?.close();
    throw sqliteCode(error) === undefined ? error : refused(path, error);
  }
}

/** Whether there is a file with a log, or with something else in its place, in the directory. */
export function hasLogFile(directory: string): boolean {
  return (statSync(join(directory, FILE), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function makeWritable(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refused(directory, error);
  }
}

function hasTables(db: DatabaseSync): boolean {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version) > 0;
}

/** node:sqlite stores a number as a real, so it is its value that tells a whole one. */
function partitionsIn(db: DatabaseSync): number | undefined {
  const row = db
    .prepare(
      `SELECT value FROM meta
       WHERE name = 'partitions' AND value = CAST(value AS INTEGER) AND value BETWEEN 1 AND ${MAX_PARTITIONS}`,
    )
    .get();
  return row === undefined ? undefined : Number(row.value);
}

/** All of them or none. Another process may be making them at the same moment: then there is nothing left to do. */
function createTables(db: DatabaseSync, partitions: number): void {
  db.exec('BEGIN IMMEDIATE');
  const topics = TOPICS.filter((topic) => topic !== 'lanes');
  for (const topic of topics) {
    db.exec(`CREATE TABLE IF NOT EXISTS ${topic} (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT`);
  }
  // The compacted topic: a newer record takes the place of the one under the same key, and a greater offset.
  db.exec(`
    CREATE TABLE IF NOT EXISTS lanes (
      "offset" INTEGER PRIMARY KEY AUTOINCREMENT,
      partition INTEGER NOT NULL,
      key TEXT NOT NULL,
      data BLOB NOT NULL,
      UNIQUE (partition, key)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS positions (
      "group" TEXT NOT NULL,
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      "offset" INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      PRIMARY KEY ("group", topic, partition)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA application_id = ${KIND.applicationId};
    PRAGMA user_version = ${KIND.format}`);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('partitions', ?)").run(partitions);
  db.exec('COMMIT');
}

/**
 * CONSTRAINT_PRIMARYKEY: an event is already where the next one goes. SQLite, which has no checksums, found the end
 * elsewhere, as an index page is damaged. Source: sqlite.org/rescode.html.
 */
const CONTRADICTION = 1555;

/**
 * Does `work`. SQLite's errors that pass without a change of the program leave it as LogUnavailable, a file that
 * contradicts itself as LogRefused, others as they are.
 */
export function reaching<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === CONTRADICTION) {
      throw new LogRefused(`${FILE} is damaged: ${error.message}`, { cause: error });
    }
    if (!comesFromOutside(error)) throw error;
    throw new LogUnavailable(`the log cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** Bytes on disk of the file at `path`, with what is not yet written back into it. */
export function sizeBytes(path: string): number {
  return [path, `${path}-wal`].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Whether another process holds the lock that was wanted. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === 5;
}

/** That the file or directory at `path` cannot be used, for the reason that `error` gives. */
export function refused(path: string, error: unknown): LogRefused {
  return new LogRefused(`${path} cannot be used: ${(error as Error).message}`, { cause: error });
}
