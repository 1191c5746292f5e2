// Moving organizations out of a server, and into one. Nothing is held in memory: what comes is handed on, and what is
// sent is read as it goes.

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { LogUnavailable } from '../log/log.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { type Counts, lastLineOf } from '../transfer/format.ts';
import type { Imported } from '../transfer/import.ts';
import { CommandFailed } from './failed.ts';
import { type Connection, isCut, ServerAway } from './remote-server.ts';

/** How long a server may be silent while it reads, or writes, an organization's log. */
const SILENT_MS = 3_600_000;
const MOST_PATIENT = { headersTimeout: SILENT_MS, bodyTimeout: SILENT_MS };
/** More than the last line of an export has. */
const LAST_LINE_BYTES = 4_096;

/**
 * The export of an organization, as it comes; it returns what was in it. `onProgress` is told bytes. Rejects with
 * TransferRefused, and CommandFailed where it is cut off.
 */
export async function* exportFrom(
  { url, call }: Connection,
  organizationId: string,
  { onProgress, signal }: { onProgress: (bytes: number) => void; signal: AbortSignal },
): AsyncGenerator<Buffer, Counts> {
  const path = `/organizations/${organizationId}/export`;
  const chunks = await call({ method: 'GET', path }, { signal, ...MOST_PATIENT });
  let bytes = 0;
  let last: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      last = Buffer.concat([last, chunk.subarray(-LAST_LINE_BYTES)]).subarray(-LAST_LINE_BYTES);
      onProgress(bytes);
      yield chunk;
    }
  } catch (error) {
    throw new CommandFailed(`${url} is gone: ${(error as Error).message}; export again`, { cause: error });
  }
  const line = lastLineOf(last.toString('utf8'));
  if (line === undefined) throw new CommandFailed(`what ${url} has sent was cut off; export again`);
  if ('failed' in line) throw new TransferRefused(line.failed, { with: 'log' });
  return line.end;
}

/**
 * Imports the file at `file`, or standard input for `-`. `onProgress` is told bytes that were read. Rejects with
 * TransferRefused, and LogUnavailable where the same import is to be made again.
 */
export async function importTo(
  { ask }: Connection,
  file: string,
  onProgress: (bytes: number) => void,
): Promise<Imported> {
  const source: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
  let unread: unknown;
  async function* read(): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of source) {
        bytes += chunk.length;
        onProgress(bytes);
        yield chunk;
      }
    } catch (error) {
      unread = error;
      throw error;
    }
  }
  // The server gives a body little time to arrive, and lines of JSON become a tenth. That sending has failed is told by
  // the answer, or by its absence.
  const body = pipeline(read, createGzip({ level: constants.Z_BEST_SPEED }), () => {});
  const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
  try {
    const shape = { organizationId: 'text', organization: 'text', importId: 'text' } as const;
    return await ask<Imported>({ method: 'POST', path: '/import' }, shape, {
      body,
      headers,
      ...MOST_PATIENT,
    });
  } catch (error) {
    if (unread !== undefined) throw unread;
    if (error instanceof ServerAway && isCut(error.cause))
      throw new LogUnavailable(error.message, { cause: error });
    throw error;
  }
}
