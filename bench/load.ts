// The load generator: raw sockets and prepared bytes, so that it costs as little as it can of the machine that it
// shares with what it measures. It speaks just enough HTTP/1.1: one request at a time on a connection, answers
// with a content-length.

import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  port: number;
  /** The bytes of one whole request, made anew for each post. */
  request: (index: number) => Buffer;
  connections: number;
  /** Posts in all. */
  count: number;
  /** Posts a second; default: as fast as answers come. */
  perSecond?: number;
}

export interface LoadResult {
  /** From the first post to the last answer. */
  seconds: number;
  /** How many answers had which status. */
  statuses: Record<string, number>;
}

/** Posts `count` requests and waits for all answers. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { count, connections, perSecond } = options;
  const statuses: Record<string, number> = {};
  const startedMs = performance.now();
  let next = 0;
  /** The index of the next post; undefined: all are done. Waits for its time when there is a pace. */
  const take = async (): Promise<number | undefined> => {
    if (next >= count) return undefined;
    const index = next++;
    if (perSecond !== undefined) await until(startedMs + (index * 1_000) / perSecond);
    return index;
  };
  await Promise.all(
    Array.from({ length: Math.min(connections, count) }, () => runConnection(options, take, statuses)),
  );
  return { seconds: (performance.now() - startedMs) / 1_000, statuses };
}

async function until(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

async function runConnection(
  { port, request }: LoadOptions,
  take: () => Promise<number | undefined>,
  statuses: Record<string, number>,
): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const answers = readAnswers(socket);
  for (let index = await take(); index !== undefined; index = await take()) {
    const answered = answers();
    socket.write(request(index));
    const status = await answered;
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  socket.destroy();
}

/** Gives, for each call, a promise of the status of the next answer on the socket. */
function readAnswers(socket: Socket): () => Promise<string> {
  let waiting: { resolve: (status: string) => void; reject: (error: Error) => void } | undefined;
  let unread = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    unread += chunk;
    const headEnd = unread.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const length = /content-length: (\d+)/i.exec(unread.slice(0, headEnd))?.[1];
    if (length === undefined || unread.length < headEnd + 4 + Number(length)) return;
    const status = unread.slice(9, 12);
    unread = unread.slice(headEnd + 4 + Number(length));
    waiting?.resolve(status);
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('the server closed the connection')));
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}

/** A whole HTTP request as bytes. */
export function postBytes(path: string, token: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
