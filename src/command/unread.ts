// Answers that are given before the body of their request has come: 401, 403, 413, 503. Were the connection closed behind
// one, the system would reset it for what still comes in, and many clients, who write first and read then, would not learn
// what was answered (RFC 9112 section 9.6). So the answer is sent whole, and what comes is read and thrown away before it
// ends: up to a time and a number of bytes, then the connection is closed all the same.

import type { IncomingMessage, Server } from 'node:http';
import { finished, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Of a body that nobody wants so much is read. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** Requests whose clients send the body once they are told to, and have not been. */
const awaited = new WeakSet<IncomingMessage>();

/**
 * Tells who asks whether to go on (`Expect: 100-continue`) to do so when somebody begins to read the body, and not before:
 * who is refused by what the head says need not send it.
 */
export function continueWhenRead(server: Server): void {
  server.on('checkContinue', (request, response) => {
    awaited.add(request);
    request.once('resume', () => {
      if (response.headersSent) return;
      awaited.delete(request);
      response.writeContinue();
    });
    server.emit('request', request, response);
  });
}

/** Makes `server` read on for `lingerMs` where it answers before it has the whole body. */
export function readWhatIsRefused(server: FastifyInstance, lingerMs: number): void {
  server.addHook('onSend', (request, reply, payload, done) => {
    // What is streamed has begun to read, or takes its time anyway.
    if (typeof payload !== 'string' || !isComing(request)) {
      done(null, payload);
      return;
    }
    if (awaited.has(request.raw) || declaredBytes(request) > MAX_UNREAD_BYTES)
      reply.header('connection', 'close');
    reply.header('content-length', Buffer.byteLength(payload));
    done(null, Readable.from(answered(payload, request.raw, reply, lingerMs)));
  });
}

/** Whether more of the body is to come. */
function isComing({ raw, method, headers }: FastifyRequest): boolean {
  if (raw.complete || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function declaredBytes({ headers }: FastifyRequest): number {
  return Number(headers['content-length'] ?? 0);
}

async function* answered(
  payload: string,
  request: IncomingMessage,
  { raw: response }: FastifyReply,
  lingerMs: number,
): AsyncGenerator<string> {
  // With its length told, the client has all of it now.
  yield payload;
  const { socket } = request;
  await thrownAway(request, lingerMs);
  if (!request.complete) response.once('finish', () => socket.destroySoon());
}

/** Resolves when the body has come, or its client is gone, or it is too much or too late. */
function thrownAway(request: IncomingMessage, lingerMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, lingerMs);
  let bytes = 0;
  request.unpipe();
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_UNREAD_BYTES) resolve();
  });
  finished(request, { writable: false }, () => resolve());
  request.resume();
  return promise.finally(() => clearTimeout(timer));
}
