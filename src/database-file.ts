// What log.db and views.db have in common as files: how ours are recognised before SQLite opens them, so that a file
// that is not ours stays as it is, and which of SQLite's errors pass without a change of the program.

import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';

/** How files of one kind are told from all others. */
export interface FileKind {
  /** SQLite's application_id. */
  applicationId: number;
  /** SQLite's user_version: the newest format that is known. */
  format: number;
}

const HEADER_BYTES = 100;

/**
 * Why the file at `path` is not one of ours; undefined: it is, or is missing or empty, so that it can be made.
 * Source: sqlite.org/fileformat.html, "The Database Header".
 */
export function whyForeign(path: string, { applicationId, format }: FileKind): string | undefined {
  if (!existsSync(path) || statSync(path).size === 0) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  readSync(file, header);
  closeSync(file);
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return `${path} is not a SQLite database`;
  if (header.readUInt32BE(68) !== applicationId) return `${path} belongs to another program`;
  const has = header.readUInt32BE(60);
  if (has > format)
    return `${path} was made by a newer release of Hooklane (format ${has}, this one knows ${format})`;
  return undefined;
}

/** SQLite's primary result code of an error; undefined: it is no error of SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. Source: sqlite.org/rescode.html. */
const OUTSIDE = new Set([5, 6, 8, 10, 11, 13, 14, 26]);

/** Whether an error of SQLite comes from the disk, the file or other processes, and not from a mistake of ours. */
export function comesFromOutside(error: unknown): boolean {
  return OUTSIDE.has(sqliteCode(error) ?? -1);
}
