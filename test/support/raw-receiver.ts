// A subscriber that answers with whatever bytes the test wants, right or wrong, and closes connections as it likes.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** `nth`: of the requests on this connection, from 1. */
type Answer = (socket: Socket, nth: number) => void;

export interface RawReceiver {
  url: string;
  /** The beginnings of the requests that arrived in full, with their headers. */
  heads: string[];
  /** Connections made to it. */
  readonly connections: number;
}

/** An answer that is as it should be. */
export const ANSWER_OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A receiver on a free port of loopback, closed after the test `t`: `answer` has the connection of each request that is complete. */
export async function startRawReceiver(t: TestContext, answer: Answer): Promise<RawReceiver> {
  const heads: string[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    let received = '';
    let nth = 0;
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n') + 4;
      const head = received.slice(0, end);
      const bodyBytes = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (!(received.length >= end + bodyBytes)) return;
      received = received.slice(end + bodyBytes);
      heads.push(head);
      answer(socket, ++nth);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    heads,
    get connections() {
      return connections;
    },
  };
}
