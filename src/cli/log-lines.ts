// Where a thread's own log goes: lines to a file descriptor, written beside the work, as many at once as came meanwhile. What
// cannot be written, as the disk is full or whoever reads stands still, is dropped, and how much that was is told once lines
// can be written again: a server that cannot say what it does goes on doing it.

import { write, writeSync } from 'node:fs';

/** So many characters wait, and lines beyond are dropped. A line takes some 300. */
const MOST_WAITING = 1 << 20;
/** How long a reader is given that is behind (EAGAIN). */
const BUSY_MS = 10;
const LINE_FEED = 0x0a;

export interface LogLines {
  write(line: string): void;
  /** Writes at once what waits, as the process ends. What cannot be written then is lost. */
  flushSync(): void;
}

/** Lines to `fd`, each of which ends in a line feed. `toLine` makes the one that says how many were dropped. */
export function openLogLines(fd: number, toLine: (dropped: number) => string): LogLines {
  let waiting = '';
  /** What is being written. */
  let piece: Buffer | undefined;
  /** The reader is behind, and the piece is tried again in a while. */
  let isBusy = false;
  let dropped = 0;
  /** Of those dropped, how many the piece tells of. */
  let told = 0;
  /** The last line there was written in part only. */
  let isCut = false;

  function begin(tells: boolean): void {
    told = tells ? dropped : 0;
    const text = told === 0 ? waiting : waiting + toLine(told);
    waiting = '';
    piece = text === '' ? undefined : Buffer.from(isCut ? `\n${text}` : text);
    if (piece !== undefined) send(piece);
  }

  function send(sending: Buffer): void {
    isBusy = false;
    write(fd, sending, (error, bytes) => {
      if (error === null && bytes < sending.length) {
        isCut = sending[bytes - 1] !== LINE_FEED;
        piece = sending.subarray(bytes);
        send(piece);
        return;
      }
      if (error?.code === 'EAGAIN') {
        isBusy = true;
        setTimeout(send, BUSY_MS, sending).unref();
        return;
      }
      if (error === null) {
        dropped -= told;
        isCut = false;
      } else dropped += linesIn(sending) - (told === 0 ? 0 : 1);
      begin(error === null);
    });
  }

  return {
    write(line) {
      if (waiting.length + line.length > MOST_WAITING) dropped++;
      else waiting += line;
      if (piece === undefined) begin(false);
    },
    flushSync() {
      const rest = isBusy && piece !== undefined ? piece : Buffer.alloc(0);
      try {
        writeSync(fd, Buffer.concat([rest, Buffer.from(waiting)]));
      } catch {
        // There is nowhere left to say it.
      }
      waiting = '';
    },
  };
}

function linesIn(text: Buffer): number {
  return text.reduce((count, byte) => count + (byte === LINE_FEED ? 1 : 0), 0);
}
