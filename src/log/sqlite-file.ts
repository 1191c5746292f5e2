// The file log.db: what it is recognised by, its tables, and what SQLite's errors mean. A file that is not ours, or
// not whole, is refused before SQLite opens it, and left as it is.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TOPICS } from '../events.ts';
import { LogRefused, LogUnavailable } from './log.ts';

const FILE = 'log.db';
/** `HkLg`: tells our files from other programs'. */
const APPLICATION_ID = 0x486b4c67;
/** Of the tables; a newer one than this is not touched. */
const FORMAT = 1;
/** How long a write waits for another process that writes. */
const BUSY_MS = 5_000;
/** Offsets in a partition: an id is partition × this + offset, and stays within the integers of a double. */
export const OFFSETS = 2 ** 40;
export const MAX_PARTITIONS = 1_024;
export const DEFAULT_PARTITIONS = 1;

/** Opens log.db in a directory, making both if they are not there. Throws LogRefused. */
export function openLogFile(
  directory: string,
  partitions: number | undefined,
): { db: DatabaseSync; partitions: number } {
  const path = join(directory, FILE);
  makeWritable(directory);
  recognise(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    createTables(db, partitions ?? DEFAULT_PARTITIONS);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const has = Number(db.prepare("SELECT value FROM meta WHERE name = 'partitions'").get()?.value);
    if (partitions !== undefined && partitions !== has) {
      throw new LogRefused(`${path} has ${has} partitions, which cannot be changed to ${partitions}`);
    }
    return { db, partitions: has };
  } catch (error) {
    db?.close();
    throw primaryCode(error) === undefined ? error : refused(path, error);
  }
}

function makeWritable(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refused(directory, error);
  }
}

/** Throws LogRefused unless the file is missing, empty or ours. Source: sqlite.org/fileformat.html, "The Database Header". */
function recognise(path: string): void {
  if (!existsSync(path) || statSync(path).size === 0) return;
  const header = Buffer.alloc(100);
  const file = openSync(path, 'r');
  readSync(file, header);
  closeSync(file);
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw new LogRefused(
      `${path} is not a SQLite database; move it away, or set HOOKLANE_DATA to another directory`,
    );
  }
  if (header.readUInt32BE(68) !== APPLICATION_ID) {
    throw new LogRefused(`${path} belongs to another program; set HOOKLANE_DATA to another directory`);
  }
  const format = header.readUInt32BE(60);
  if (format > FORMAT) {
    throw new LogRefused(
      `${path} was made by a newer release of Hooklane (format ${format}, this one knows ${FORMAT})`,
    );
  }
}

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
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${FORMAT}`);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('partitions', ?)").run(partitions);
  db.exec('COMMIT');
}

/** SQLite's primary result code of an error; undefined: it is no error of SQLite. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** BUSY and LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. Source: sqlite.org/rescode.html. */
const UNAVAILABLE = new Set([5, 6, 8, 10, 11, 13, 14, 26]);

/** What passes, or is mended, without a change of the program: as LogUnavailable; other errors as they are. */
export function asUnavailable(error: unknown): unknown {
  const code = primaryCode(error);
  if (code === undefined || !UNAVAILABLE.has(code)) return error;
  return new LogUnavailable(`the log cannot be used: ${(error as Error).message}`, { cause: error });
}

/** Whether another process holds the lock that was wanted. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === 5;
}

function refused(path: string, error: unknown): LogRefused {
  return new LogRefused(`${path} cannot be used: ${(error as Error).message}`, { cause: error });
}
