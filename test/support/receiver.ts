// A subscriber: a real HTTP server that remembers what it was sent and answers as the test wants.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Arrival {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** When its headers had arrived: milliseconds of performance.now(). */
  atMs: number;
}

export interface Receiver {
  url: string;
  arrivals: Arrival[];
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A receiver on a free port of loopback, closed after the test `t`. It answers 200 unless `answer` does else. */
export async function startReceiver(
  t: TestContext,
  answer: Answer = (response) => response.end('ok'),
): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const atMs = performance.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      arrivals.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8'), atMs });
      answer(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook?a=1`, arrivals };
}
