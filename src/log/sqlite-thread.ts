// A committer in a thread of its own, so that nothing else in the process waits for the disk. It opens log.db for itself.

import { Worker } from 'node:worker_threads';
import { workerScript } from '../worker-script.ts';
import { LogRefused, LogUnavailable } from './log.ts';
import type { Write, Written } from './sqlite-committer.ts';
import { pack } from './sqlite-packed.ts';

/** What the thread answers: what commit() returns, or throws; `errcode`: of SQLite, if that has failed. */
export type CommitAnswer =
  | { written: Written[] }
  | { code: string; message: string; errcode: number | undefined };

export interface CommitThread {
  /** As Committer.commit(), one at a time. */
  commit(writes: readonly Write[]): Promise<Written[]>;
  close(): Promise<void>;
}

/** Starts the thread for the log in `directory`, which must be there. */
export function startCommitThread(directory: string): CommitThread {
  const script = workerScript(import.meta.url, 'sqlite-thread-worker');
  const worker = new Worker(script, { workerData: directory, name: 'log writer' });
  let asked: PromiseWithResolvers<CommitAnswer> | undefined;
  /** Why it does nothing any more. */
  let dead: unknown;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();

  function die(error: unknown): void {
    dead ??= error;
    asked?.reject(dead);
  }

  worker.on('message', (answer: CommitAnswer) => asked?.resolve(answer));
  worker.on('error', die);
  worker.once('exit', () => {
    die(new LogUnavailable('the thread that writes the log has ended'));
    end();
  });
  // Only what is being written keeps the process alive.
  worker.unref();

  return {
    async commit(writes) {
      if (dead !== undefined) throw dead;
      asked = Promise.withResolvers();
      const packed = pack(writes);
      worker.ref();
      worker.postMessage(packed, [packed.bytes]);
      try {
        const answer = await asked.promise;
        if ('written' in answer) return answer.written;
        throw errorOf(answer);
      } finally {
        asked = undefined;
        worker.unref();
      }
    },
    async close() {
      worker.ref();
      worker.postMessage('close');
      await ended;
    },
  };
}

function errorOf({ code, message, errcode }: Extract<CommitAnswer, { code: string }>): Error {
  const cause = Object.assign(new Error(message), { errcode });
  if (code === 'LOG_UNAVAILABLE') return new LogUnavailable(message, { cause });
  return new LogRefused(message, { cause });
}
