// What Node itself finds wrong with the bytes of a connection, before there is a request: it is answered by a problem, and
// the connection closed. Requests that came whole before it are answered first: who was told that nothing was accepted
// must not find it recorded.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { details } from './problem.ts';

type ProblemOf = [status: number, code: string, detail: string];

const OF_NODE: Readonly<Record<string, ProblemOf>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'The headers of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'too-slow', 'The request took too long to arrive.'],
};
const NOT_HTTP: ProblemOf = [400, 'bad-request', 'The request is not HTTP as it should be.'];

/** The newest request of a connection, and the answer before its own. Answers are sent in the order of requests. */
interface Newest {
  request: IncomingMessage;
  response: ServerResponse;
  before: ServerResponse | undefined;
}

export interface NotHttp {
  /** To be told of every request. */
  take(request: IncomingMessage, response: ServerResponse): void;
  /** Answers what is no request, once. */
  refuse(error: NodeJS.ErrnoException, socket: Duplex): void;
}

/** Who was refused is waited for so many ms, to read why and to close. */
export function createNotHttp(lingerMs: number): NotHttp {
  const newest = new WeakMap<Duplex, Newest>();
  const refused = new WeakSet<Duplex>();

  return {
    take(request, response) {
      const before = newest.get(request.socket)?.response;
      newest.set(request.socket, { request, response, before });
    },
    refuse({ code = '' }, socket) {
      if (refused.has(socket)) return;
      refused.add(socket);
      const last = newest.get(socket);
      // The answer to what is wrong has begun already: nothing can be said within it.
      if (last !== undefined && !last.request.complete && last.response.headersSent) {
        socket.destroy();
        return;
      }
      // What is wrong may be the rest of the newest request, which then has no other answer than this one.
      const awaited = last?.request.complete ? last.response : last?.before;
      const answer = () => end(socket, OF_NODE[code] ?? NOT_HTTP, lingerMs);
      if (awaited === undefined || awaited.closed) answer();
      else awaited.once('close', answer);
    },
  };
}

function end(socket: Duplex, of: ProblemOf, lingerMs: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = details(...of);
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: application/problem+json\r\n`;
  socket.end(`${head}connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  // Not at once, as what is still coming in would make the system throw the answer away. And not never: it is for the
  // client to close its half.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}
