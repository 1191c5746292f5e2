// Bodies of requests: JSON in UTF-8, of any media type that says so. They are kept as the bytes that came (unpacked, if
// they were packed), and parsed by the routes that need one.

import { isUtf8 } from 'node:buffer';
import type { FastifyError, FastifyInstance, FastifyRequest, RequestPayload } from 'fastify';
import { hasMoreKeysThan, isDeeperThan, parseExactly } from '../json.ts';
import { formatSize } from '../size.ts';
import { encodingOf, type Unpacker, unpackerOf } from './encoding.ts';
import { InvalidInput } from './input.ts';
import { Problem } from './problem.ts';

/** Levels of objects and arrays, and keys of all objects together: what has more is no report of an error. */
const MAX_LEVELS = 256;
const MAX_KEYS = 20_000;
/** A level has two bytes of JSON at least, a key four: what is shorter need not be walked through. */
const LEAST_LEVEL_BYTES = 2;
const LEAST_KEY_BYTES = 4;

/** `application/json` and `application/<anything>+json`. Fastify answers every other type with 415. */
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/** Makes the routes of `server` take JSON of `limitBytes` at most, and nothing else. */
export function acceptJson(server: FastifyInstance, limitBytes: number): void {
  acceptOnly(server, JSON_TYPE, limitBytes);
}

/** Of newline-delimited JSON. */
export const LINES_TYPE = /^application\/(x-)?(ndjson|jsonl|json-?lines)\s*(;|$)/i;

/** Makes the routes of `server` take newline-delimited JSON of `limitBytes` at most, and nothing else. */
export function acceptLines(server: FastifyInstance, limitBytes: number): void {
  acceptOnly(server, LINES_TYPE, limitBytes);
}

function acceptOnly(server: FastifyInstance, type: RegExp, bodyLimit: number): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
    done(null, body),
  );
  // Fastify's own error does not know what is allowed, that of zlib what it is about. What is thrown here goes to the handler
  // of the scope above.
  server.setErrorHandler((error: FastifyError, request) => {
    if (error.code?.startsWith('Z_'))
      throw new Problem(400, 'not-unpacked', `The body is not ${encodingOf(request)}, or was cut off.`);
    if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
    const detail = `The body is too large; allowed: up to ${formatSize(bodyLimit)}, unpacked.`;
    throw new Problem(413, 'too-large', detail);
  });
}

/** The lines of the body, with their numbers from 1, without those that are blank. Throws Problem 400 if there is none. */
export function linesOf({ body }: FastifyRequest): { number: number; bytes: Buffer }[] {
  const lines: { number: number; bytes: Buffer }[] = [];
  const all = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  for (let from = 0, number = 1; from < all.length; number++) {
    const end = all.indexOf('\n', from);
    const bytes = all.subarray(from, end === -1 ? all.length : end);
    // Ours is what stands between: what JSON allows around it, a carriage return too, does not count.
    if (bytes.some((byte) => !BLANK.has(byte))) lines.push({ number, bytes });
    from += bytes.length + 1;
  }
  if (lines.length === 0)
    throw new Problem(400, 'not-json', 'The body is empty; it must be JSON objects, one a line.');
  return lines;
}

/** Space, tab and carriage return. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);

/**
 * Makes the routes that `server` gets from now on take bodies that were packed, too. What is unpacked is as large as a
 * body may be; no more of it is ever unpacked. (@fastify/compress would not say what is wrong with a body, and destroys the
 * connection of one that has not come whole by then.)
 */
export function acceptPacked(server: FastifyInstance): void {
  const unpackers = new WeakMap<FastifyRequest, Unpacker>();
  server.addHook('preParsing', (request, _reply, packed, done) => {
    let unpacker: Unpacker | undefined;
    try {
      unpacker = unpackerOf(request);
    } catch (error) {
      done(error as Problem);
      return;
    }
    if (unpacker === undefined) {
      done(null, packed);
      return;
    }
    unpackers.set(request, unpacker);
    done(null, unpacked(packed, unpacker));
  });
  // Who was answered for a part of it (too large, say) is not to have the rest unpacked.
  server.addHook('onSend', (request, _reply, _payload, done) => {
    unpackers.get(request)?.destroy();
    done();
  });
}

/** What comes of `packed`, which tells Fastify how much of that there was: it compares the length that was declared. */
function unpacked(packed: RequestPayload, unpacker: Unpacker): RequestPayload {
  const counted = Object.assign(unpacker, { receivedEncodedLength: 0 });
  packed.on('data', (chunk: Buffer) => {
    counted.receivedEncodedLength += chunk.length;
  });
  packed.once('error', (error) => counted.destroy(error));
  return packed.pipe(counted);
}

/** JSON as the bytes and the text that it came as, and what it says. */
export interface Json {
  bytes: Buffer;
  text: string;
  value: unknown;
}

/** The body. Throws as parseJson(). */
export function jsonBody({ body }: FastifyRequest): Json {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new Problem(400, 'not-json', 'The body is empty; it must be a JSON object.');
  }
  return parseJson(body, 'The body');
}

/**
 * What the bytes of `what` (the body, a line) say. Throws Problem 400 unless it is JSON in UTF-8, and InvalidInput where
 * it is nested too deeply, or has too many keys.
 */
export function parseJson(bytes: Buffer, what: string): Json {
  if (!isUtf8(bytes)) throw new Problem(400, 'not-json', `${what} is not UTF-8.`);
  const text = bytes.toString('utf8');
  const value = parsed(text, what);
  if (bytes.length > LEAST_LEVEL_BYTES * MAX_LEVELS && isDeeperThan(value, MAX_LEVELS)) throw tooDeep(what);
  if (bytes.length > LEAST_KEY_BYTES * MAX_KEYS && hasMoreKeysThan(value, MAX_KEYS))
    throw tooMuch(`${what} has too many keys; allowed: up to ${MAX_KEYS} in all objects together`);
  return { bytes, text, value };
}

function parsed(text: string, what: string): unknown {
  try {
    return parseExactly(text);
  } catch (error) {
    // Where numbers are looked at, too many levels are too many calls before they can be counted.
    if (error instanceof RangeError) throw tooDeep(what);
    if (!(error instanceof SyntaxError)) throw error;
    // V8 quotes what is wrong, in which a secret may stand, and answers are logged by who gets them.
    const mark = text.startsWith('\ufeff') ? 'it begins with a byte order mark' : undefined;
    const why = mark ?? error.message.replace(/, (\.\.\.)?".*$/s, '');
    throw new Problem(400, 'not-json', `${what} is not JSON: ${why}.`);
  }
}

function tooDeep(what: string): InvalidInput {
  return tooMuch(`${what} has objects and arrays within each other; allowed: up to ${MAX_LEVELS} levels`);
}

function tooMuch(message: string): InvalidInput {
  return new InvalidInput([{ field: '', message }]);
}

/** The same, where a body may be left out: then it is `absent`. */
export function jsonBodyOr(request: FastifyRequest, absent: unknown): unknown {
  const { body } = request;
  return Buffer.isBuffer(body) && body.length > 0 ? jsonBody(request).value : absent;
}
