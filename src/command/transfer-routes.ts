// Moving by HTTP: an organization out as newline-delimited JSON, and in. Both stream: what comes in goes to a temporary
// file first, as it is checked whole before anything is made of it.

import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OrganizationId } from '../ids.ts';
import type { Log } from '../log/log.ts';
import type { SecretBox } from '../secrets.ts';
import type { Clock } from '../time.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { exportOrganization } from '../transfer/export.ts';
import type { Failed } from '../transfer/format.ts';
import { importOrganization } from '../transfer/import.ts';
import type { Access } from './access.ts';
import { accessOf, admissionOf, UNBOUND } from './admit.ts';
import { unauthorized } from './authenticate.ts';
import { LINES_TYPE } from './body.ts';
import { encodingOf, unpackerOf } from './encoding.ts';
import { type Patience, unhurried } from './http-server.ts';
import { createPlaces } from './places.ts';
import { Problem } from './problem.ts';

export interface TransferRoutesOptions {
  log: Log;
  secrets: Pick<SecretBox, 'open' | 'keyId' | 'keyIds'>;
  clock: Clock;
  /** The organization that is given by id or name, as the directory knows it. Throws NotFound. */
  organization: (idOrName: string, access: Access) => { id: OrganizationId; name: string };
  /** Resolves when the read models have all that is in the log; bounded. */
  caughtUp: () => Promise<unknown>;
  /** For the next piece of an import, and for clients that do not read. */
  patience: Pick<Patience, 'pieceMs' | 'silenceMs' | 'checkMs'>;
}

const NDJSON = 'application/x-ndjson';
/** Of a file that comes by HTTP. A larger one is for the command line. */
const MAX_IMPORT_BYTES = 1024 * 1024 * 1024;
/** Moves at a time, in and out. */
const MAX_MOVES = 4;

export async function transferRoutes(server: FastifyInstance, options: TransferRoutesOptions): Promise<void> {
  const { log, secrets, clock, organization, caughtUp, patience } = options;
  const takePlace = createPlaces({ most: MAX_MOVES, what: 'exports and imports', retryAfterSeconds: 5 });

  /** Takes one of the moves there may be at a time; gives what gives it back, once. It may take its time. */
  function begin(request: FastifyRequest): () => void {
    const giveBack = takePlace(accessOf(request));
    const hurry = unhurried(request, patience);
    return () => {
      giveBack();
      hurry();
    };
  }

  // For HEAD the log would be read to its end, for nobody.
  server.get('/organizations/:id/export', { exposeHeadRoute: false }, async (request, reply) => {
    const { id, name } = organization((request.params as { id: string }).id, accessOf(request));
    const over = begin(request);
    reply.raw.once('close', over);
    const named = { id, name };
    const pieces = exportOrganization({
      ...{ log, organization: named, masterKeyId: secrets.keyId },
      nowMs: clock(),
    });
    // What is refused is refused before the first byte.
    const first = await pieces.next();
    reply.header('content-disposition', `attachment; filename="${id}.ndjson"`).type(NDJSON);
    return Readable.from(from(first, pieces, admissionOf(request).ended));
  });

  server.removeAllContentTypeParsers();
  // As it comes: the route reads it.
  server.addContentTypeParser(LINES_TYPE, (_request, payload, done) => done(null, payload));
  server.post('/import', UNBOUND, async (request, reply) => {
    const over = begin(request);
    let directory: string | undefined;
    try {
      directory = makeDirectory(request);
      const path = join(directory, 'import.ndjson');
      await receive(request, path, patience.pieceMs);
      const { access, ended } = admissionOf(request);
      // It may have come for hours.
      const why = ended();
      if (why !== undefined) throw unauthorized(why);
      const { by } = access;
      const about = { nowMs: clock(), runId: randomUUID(), by };
      const imported = await importOrganization({ log, path, secrets, ...about });
      await caughtUp();
      reply.code(imported.wasThere ? 200 : 201);
      return imported;
    } finally {
      over();
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    }
  });
}

/** A directory of its own for the file. Throws Problem. */
function makeDirectory(request: FastifyRequest): string {
  try {
    return mkdtempSync(join(tmpdir(), 'hooklane-import-'));
  } catch (error) {
    throw notKept(request, error);
  }
}

/** Where and why is for the log alone. */
function notKept(request: FastifyRequest, error: unknown): Problem {
  request.log.error({ err: error }, 'the file of an import cannot be kept where temporary files are');
  const detail = 'The file cannot be kept here at the moment; nothing was imported. Try again later.';
  return new Problem(503, 'unavailable', detail, { ...CLOSE, 'retry-after': '60' });
}

/**
 * The pieces, as long as `ended` says nothing: a token is often revoked because somebody has it who should not, and an
 * export is all that an organization has. Who is to have it asks again with another one.
 */
async function* from(
  first: IteratorResult<string, unknown>,
  rest: AsyncGenerator<string, unknown>,
  ended: () => string | undefined,
): AsyncGenerator<string> {
  try {
    for (let piece = first; !piece.done; piece = await rest.next()) {
      const why = ended();
      if (why !== undefined) throw new TransferRefused(why);
      yield piece.value;
    }
  } catch (error) {
    if (!(error instanceof TransferRefused)) throw error;
    // The status has been sent: why there is no end is said in its place.
    const failed: Failed = { failed: error.message };
    yield `${JSON.stringify(failed)}\n`;
  } finally {
    await rest.return(undefined);
  }
}

/** Writes the body to a file, whose next piece is waited for `pieceMs`. Throws Problem. */
async function receive(request: FastifyRequest, path: string, pieceMs: number): Promise<void> {
  const body = bodyOf(request);
  const unpacker = unpackerOf(request) ?? new PassThrough();
  const pieces = new PassThrough();
  const timer = setTimeout(() => pieces.destroy(tooSlow()), pieceMs);
  // Not in the pipeline, which would close the connection before it is said what is wrong.
  body
    .on('data', () => timer.refresh())
    .on('error', (error) => pieces.destroy(error))
    .pipe(pieces);
  try {
    await pipeline(pieces, unpacker, atMost(MAX_IMPORT_BYTES), createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (request.raw.errored !== null || code.startsWith('Z_'))
      throw new Problem(
        400,
        'bad-request',
        `The body was cut off, or is not ${encodingOf(request)} as it is said to be.`,
      );
    // What else has a number is of the system.
    if (error instanceof Error && 'errno' in error) throw notKept(request, error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(): Problem {
  return new Problem(408, 'too-slow', 'The next piece of the body took too long to arrive.', CLOSE);
}

/** Where the rest of the body is not worth reading. */
const CLOSE = { connection: 'close' };

function bodyOf({ body }: FastifyRequest): Readable {
  if (body instanceof Readable) return body;
  throw new Problem(
    400,
    'no-body',
    `The body is empty; it must be what an export has written, as ${NDJSON}.`,
  );
}

/** Passes on so many bytes, and fails at the next. */
function atMost(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      if (left >= 0) done(null, chunk);
      else
        done(
          new Problem(
            413,
            'too-large',
            `The body may have ${bytes} bytes; \`hooklane import\` takes more.`,
            CLOSE,
          ),
        );
    },
  });
}
