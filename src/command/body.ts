// Bodies of requests: JSON in UTF-8, of any media type that says so. They are kept as the bytes that came (unpacked, if
// they were packed), and parsed by the routes that need one.

import { isUtf8 } from 'node:buffer';
import compress from '@fastify/compress';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** `application/json` and `application/<anything>+json`. Fastify answers every other type with 415. */
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/** Makes the routes of `server` take JSON of `limitBytes` at most, and nothing else. */
export function acceptJson(server: FastifyInstance, limitBytes: number): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'buffer', bodyLimit: limitBytes },
    (_request, body, done) => done(null, body),
  );
}

const ENCODINGS = ['gzip', 'deflate'] as const;

/**
 * Makes the routes that `server` gets from now on take bodies that were packed, too. What is unpacked is as large as a
 * body may be; no more of it is ever unpacked.
 */
export async function acceptPacked(server: FastifyInstance): Promise<void> {
  // RFC 9110 section 8.4.1: in any case, by its old name, or saying that it is not packed.
  server.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding']?.toLowerCase();
    if (encoding === 'identity') delete headers['content-encoding'];
    else if (encoding !== undefined) headers['content-encoding'] = encoding === 'x-gzip' ? 'gzip' : encoding;
  });
  await server.register(compress, {
    globalCompression: false,
    requestEncodings: [...ENCODINGS],
    onUnsupportedRequestEncoding: (encoding) => {
      const detail = `The content-encoding ${JSON.stringify(encoding)} is not one of ${ENCODINGS.join(', ')}.`;
      return new Problem(415, 'unsupported-encoding', detail, { 'accept-encoding': ENCODINGS.join(', ') });
    },
    onInvalidRequestPayload: (encoding) =>
      new Problem(400, 'not-unpacked', `The body is not ${encoding}, or was cut off.`),
  });
}

/** The body as bytes and as what they say. Throws Problem 400 unless it is JSON. */
export function jsonBody({ body }: FastifyRequest): { bytes: Buffer; value: unknown } {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new Problem(400, 'not-json', 'The body is empty; it must be a JSON object.');
  }
  if (!isUtf8(body)) throw new Problem(400, 'not-json', 'The body is not UTF-8.');
  try {
    return { bytes: body, value: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Problem(400, 'not-json', `The body is not JSON: ${error.message}.`);
  }
}
