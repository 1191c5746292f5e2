// What runs in the thread of a job (see task-thread.ts): does its task, tells how far it is, ends when it is told to.

import { parentPort, workerData } from 'node:worker_threads';
import { isExpected } from '../expected.ts';
import { openLog, openViews } from '../open.ts';
import { giveWay } from './give-way.ts';
import { doTask } from './task.ts';
import type { TaskMessage, TaskThreadData } from './task-thread.ts';

/** How often it is told how far it is. */
const TOLD_EVERY_MS = 100;
/** A tenth of the time that a thread which answers would get beside it, on one core. */
const NICER = 10;

if (parentPort === null) throw new Error('to be run as a thread of the server');
giveWay(NICER);
const port = parentPort;
const { config, task }: TaskThreadData = workerData;
const aborting = new AbortController();
port.once('message', () => aborting.abort());

const tell = (message: TaskMessage) => port.postMessage(message);
let untold: object | undefined;
let toldMs = Number.NEGATIVE_INFINITY;
function onReport(report: object): void {
  untold = report;
  if (performance.now() - toldMs < TOLD_EVERY_MS) return;
  toldMs = performance.now();
  tell({ type: 'report', report });
}

try {
  const log = await openLog(config, { serve: false });
  try {
    const views = await openViews(config);
    try {
      await doTask(task, { log, views, onReport, signal: aborting.signal });
    } finally {
      if (untold !== undefined) tell({ type: 'report', report: untold });
      await views.close();
    }
  } finally {
    await log.close();
  }
} catch (error) {
  if (aborting.signal.aborted) tell({ type: 'failed', code: 'ABORTED', message: 'it was cancelled' });
  else if (isExpected(error)) tell({ type: 'failed', code: error.code, message: error.message });
  else throw error;
}
port.close();
