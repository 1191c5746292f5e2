// The connections of the HTTP server, by plain HTTP or TLS. Whoever is too slow, silent, no speaker of HTTP or one too many
// is cut off, with an answer where one can be given: so strangers cost no more than a bounded number of connections, each
// for a bounded time. Requests that take long by their nature (unhurried()) are judged by their routes.

import type { RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { createServer } from '../node-http.ts';
import { createNotHttp } from './not-http.ts';
import { details } from './problem.ts';
import { continueWhenRead } from './unread.ts';

/** How long clients are waited for; in milliseconds. */
export interface Patience {
  /** For the head of a request, and for the first byte of a connection. */
  headMs: number;
  /** For all of a request. */
  requestMs: number;
  /** For the next request on a connection. */
  keepAliveMs: number;
  /** For a client that neither sends what it began nor reads what it asked for. */
  silenceMs: number;
  /** For the next piece of a request that takes long by its nature. */
  pieceMs: number;
  /** For a client that was refused to read why and to close. */
  lingerMs: number;
  /** How often it is looked for requests that take too long, and for who follows and may no longer. */
  checkMs: number;
}

export const PATIENCE: Patience = {
  headMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 72_000,
  silenceMs: 120_000,
  pieceMs: 30_000,
  lingerMs: 2_000,
  checkMs: 1_000,
};

/** Connections at a time. */
const MAX_CONNECTIONS = 10_000;
/** Of the files that may be open so many are connections of clients: stores and subscribers need some, too. */
const CONNECTIONS_OF_FILES = 0.5;
/** While there are too many connections, idle ones are closed no more often than this. */
const MAKE_ROOM_MS = 1_000;

/** How many connections there may be where so many files may be open; undefined: nobody knows. */
export function mostConnections(openFiles = Number.POSITIVE_INFINITY): number {
  return Math.min(MAX_CONNECTIONS, Math.max(1, Math.floor(openFiles * CONNECTIONS_OF_FILES)));
}

export interface HttpServerOptions {
  patience: Patience;
  maxConnections: number;
  /** PEM; undefined: plain HTTP. */
  tls: { cert: string; key: string } | undefined;
}

export function createHttpServer(handler: RequestListener, options: HttpServerOptions): Server {
  const { patience, maxConnections, tls } = options;
  const common = {
    headersTimeout: patience.headMs,
    requestTimeout: patience.requestMs,
    connectionsCheckingInterval: patience.checkMs,
    keepAliveTimeout: patience.keepAliveMs,
    // Node would refuse a request without one with an empty answer.
    requireHostHeader: false,
    // Who follows and is gone without a word is found out.
    keepAlive: true,
    keepAliveInitialDelay: patience.keepAliveMs,
  };
  const server: Server =
    tls === undefined
      ? createServer(common, handler)
      : createTlsServer(
          { ...common, ...tls, handshakeTimeout: patience.headMs, allowHalfOpen: true },
          handler,
        );
  // Who closes his half behind a request still waits for the answer. Behind the last one the connection is closed.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.setTimeout(patience.silenceMs);
  server.maxConnections = maxConnections;
  makeRoom(server);
  const notHttp = createNotHttp(patience.lingerMs);
  server.prependListener('request', notHttp.take);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (!(isSlow && waitedFor.has(socket))) notHttp.refuse(error, socket);
  });
  continueWhenRead(server);
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    const problem = details(417, 'bad-request', 'The only expectation that is met is 100-continue.');
    const headers = { 'content-type': 'application/problem+json', connection: 'close' };
    response.writeHead(problem.status, headers).end(JSON.stringify(problem));
  });
  return server;
}

/** When there are too many connections, those go that do nothing: the next newcomers find a place. */
function makeRoom(server: Server): void {
  let lastAtMs = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    const nowMs = performance.now();
    if (nowMs - lastAtMs < MAKE_ROOM_MS) return;
    lastAtMs = nowMs;
    server.closeIdleConnections();
  });
}

const waitedFor = new WeakSet<Duplex>();

/**
 * Lets a request, and its answer, take longer than others, as long as what is returned is not called: its route sees to it
 * that it does not take for ever. A client that reads nothing of what is written to it for `silenceMs` is cut off all the same.
 */
export function unhurried(
  { raw: { socket } }: FastifyRequest,
  { silenceMs, checkMs }: Pick<Patience, 'silenceMs' | 'checkMs'>,
): () => void {
  waitedFor.add(socket);
  // Until the next request on the connection.
  socket.setTimeout(0);
  const readBytes = () => socket.bytesWritten - socket.writableLength;
  let [read, readAtMs] = [readBytes(), performance.now()];
  const check = setInterval(() => {
    if (socket.writableLength === 0 || readBytes() > read)
      [read, readAtMs] = [readBytes(), performance.now()];
    else if (performance.now() - readAtMs >= silenceMs) socket.destroy();
  }, checkMs);
  return () => {
    waitedFor.delete(socket);
    clearInterval(check);
  };
}

/**
 * Calls `left` when the client closes its half of the connection, or has: it asks for nothing more, or is gone, and nothing
 * tells the two apart. For answers that go on for as long as somebody reads them. What is returned ends that.
 */
export function onLeft({ raw: { socket } }: FastifyRequest, left: () => void): () => void {
  if (socket.readableEnded) left();
  else socket.once('end', left);
  return () => void socket.off('end', left);
}
