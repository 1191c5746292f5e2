// A client that speaks bytes, and does not close by itself.

import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface RawClient {
  socket: Socket;
  text(): string;
  /** By the server. */
  isClosed(): boolean;
}

/** Takes all that comes on a socket, which is to allow one half to be closed; it is gone with the test. */
export function watch(t: TestContext, socket: Socket): RawClient {
  let text = '';
  let isClosed = false;
  const closed = () => {
    isClosed = true;
  };
  socket
    .setEncoding('latin1')
    .on('data', (chunk) => {
      text += chunk;
    })
    // Cut off by the server, as some are meant to be.
    .on('error', () => {})
    .on('end', closed)
    .on('close', closed);
  t.after(() => socket.destroy());
  return { socket, text: () => text, isClosed: () => isClosed };
}

export function open(t: TestContext, port: number): RawClient {
  return watch(t, connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
}
