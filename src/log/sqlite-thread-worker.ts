// What runs in the thread of a committer (see sqlite-thread.ts): writes what it is given, ends when it is told to.

import { parentPort, workerData } from 'node:worker_threads';
import { sqliteCode } from '../database-file.ts';
import { LogRefused, LogUnavailable } from './log.ts';
import { createCommitter } from './sqlite-committer.ts';
import { openLogFile } from './sqlite-file.ts';
import { type PackedWrites, unpack } from './sqlite-packed.ts';
import type { CommitAnswer } from './sqlite-thread.ts';

if (parentPort === null) throw new Error('to be run as a thread of the server');
const port = parentPort;
const { db, partitions } = openLogFile(workerData, undefined);
const committer = createCommitter(db, partitions, () => {});

function answerTo(packed: PackedWrites): CommitAnswer {
  try {
    return { written: committer.commit(unpack(packed)) };
  } catch (error) {
    // All else is a mistake of ours, and ends the thread.
    if (!(error instanceof LogUnavailable || error instanceof LogRefused)) throw error;
    return { code: error.code, message: error.message, errcode: sqliteCode(error.cause) };
  }
}

port.on('message', (message: PackedWrites | 'close') => {
  if (message !== 'close') return port.postMessage(answerTo(message));
  db.close();
  port.close();
});
