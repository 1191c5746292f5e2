// Bodies of requests: JSON in UTF-8, of any media type that says so. They are kept as the bytes that came, and
// parsed by the routes that need one.

import { isUtf8 } from 'node:buffer';
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

/** The same, where a body may be left out: then it is `absent`. */
export function jsonBodyOr(request: FastifyRequest, absent: unknown): unknown {
  const { body } = request;
  return Buffer.isBuffer(body) && body.length > 0 ? jsonBody(request).value : absent;
}
