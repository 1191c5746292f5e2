// Raw sockets to the server: one that asks one thing after the other and is opened anew where the server has closed it,
// and one that writes bytes, whatever they are, and takes all that comes.

import { connect, type Socket } from 'node:net';
import { type Answer, NoAnswer, readAnswer } from './answers.ts';

/** A request of whose answer nothing comes for so long hangs. */
const ANSWERED_WITHIN_MS = 60_000;

export interface Connection {
  /** The answer to the bytes of one request. Rejects with NoAnswer. */
  ask(method: string, bytes: Buffer): Promise<Answer>;
  close(): void;
}

export function createConnection(port: number): Connection {
  let socket: Socket | undefined;
  /** Tells whoever waits for an answer of what has come, and whether no more will. */
  let waiting: ((ended: boolean) => void) | undefined;
  let unread = Buffer.alloc(0);

  /** What a socket that was given up still says is of no interest. */
  function open(): Socket {
    unread = Buffer.alloc(0);
    const opened = connect({ port, host: '127.0.0.1', noDelay: true });
    opened.on('data', (chunk) => {
      if (socket !== opened) return;
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      waiting?.(false);
    });
    opened.setTimeout(ANSWERED_WITHIN_MS, () => opened.destroy());
    // What it is told by is the close that follows.
    opened.on('error', () => {});
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      waiting?.(true);
    });
    return opened;
  }

  function giveUp(): void {
    socket?.destroy();
    socket = undefined;
  }

  return {
    ask(method, bytes) {
      return new Promise((resolve, reject) => {
        const fail = (error: unknown) => {
          waiting = undefined;
          giveUp();
          reject(error);
        };
        waiting = (ended) => {
          try {
            const read = readAnswer(unread, method, ended);
            if (read === undefined && !ended) return;
            if (read === undefined) throw new NoAnswer('closed, or silent, without an answer', unread);
            if (read.end < unread.length) throw new NoAnswer('more than one answer', unread);
            waiting = undefined;
            unread = Buffer.alloc(0);
            if (ended || read.answer.headers.connection === 'close') giveUp();
            resolve(read.answer);
          } catch (error) {
            fail(error);
          }
        };
        socket ??= open();
        socket.write(bytes);
      });
    },
    close: giveUp,
  };
}

/** So long nothing comes before the end is sent to a server that waits for more. */
const QUIET_MS = 500;

export interface Exchanged {
  bytes: Buffer;
  /** Whether the end was sent before the server had closed: what it took last it may not have answered. */
  cutOff: boolean;
}

/** Writes `pieces`, one after the other, and resolves to all that comes until one of the two has closed. */
export function exchange(port: number, pieces: readonly Buffer[]): Promise<Exchanged> {
  return new Promise((resolve) => {
    const came: Buffer[] = [];
    let cutOff = false;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setTimeout(QUIET_MS, () => {
      cutOff = true;
      socket.end();
    });
    socket.on('data', (chunk) => void came.push(chunk));
    // Reset by the server, which had not read all of it: what it answered has come before.
    socket.on('error', () => {});
    socket.on('close', () => resolve({ bytes: Buffer.concat(came), cutOff }));
    for (const piece of pieces) socket.write(piece);
  });
}

/** The beginning of an answer that has no end, or all of another one. Rejects with NoAnswer. */
export function askEndless(port: number, bytes: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let came = Buffer.alloc(0);
    let answer: Answer | undefined;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setTimeout(ANSWERED_WITHIN_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      came = Buffer.concat([came, chunk]);
      const whole = readAnswer(came, 'GET', false);
      const head = readAnswer(came, 'HEAD', false);
      const hasBegun = head !== undefined && head.answer.status < 300 && came.length > head.end;
      answer = whole?.answer ?? (hasBegun ? head.answer : undefined);
      if (answer !== undefined) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () =>
      answer === undefined ? reject(new NoAnswer('no answer', came)) : resolve(answer),
    );
    socket.write(bytes);
  });
}
