// A task in a thread of its own, so that posts and deliveries do not wait for it. It opens the stores for itself, and
// lives as long as its task.

import { Worker } from 'node:worker_threads';
import type { Task } from '../command/job-routes.ts';
import type { Work } from '../command/jobs.ts';
import type { Config } from '../config.ts';
import { workerScript } from '../worker-script.ts';

/** What the thread is started with. Keys stay behind: no task needs them. */
export interface TaskThreadData {
  config: Config;
  task: Task;
}

/** What the thread tells; whatever it is told is to end. */
export type TaskMessage =
  | { type: 'report'; report: object }
  | { type: 'failed'; code: string; message: string };

/** How long a thread may take to end when it is told to; what it has left behind is found by the next. */
const END_WITHIN_MS = 5_000;

/** An error of the thread that is no bug, under its code. */
class TaskFailed extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'TaskFailed';
    this.code = code;
  }
}

/** Resolves when the task is done. Rejects with what it rejects with there, and with any error once it is aborted. */
export async function doInThread(
  config: Config,
  task: Task,
  { onReport, signal }: Parameters<Work>[0],
): Promise<void> {
  const workerData: TaskThreadData = {
    config: { ...config, adminToken: undefined, masterKeys: undefined },
    task,
  };
  const worker = new Worker(workerScript(import.meta.url, 'task-worker'), { workerData });
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  let failure: TaskFailed | undefined;
  worker.on('message', (message: TaskMessage) => {
    if (message.type === 'report') onReport(message.report);
    else failure = new TaskFailed(message.code, message.message);
  });
  worker.once('error', reject);
  worker.once('exit', (code) => {
    if (code === 0 && failure === undefined) resolve();
    else reject(failure ?? new Error(`the thread of a task has ended with ${code}`));
  });
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    worker.postMessage('end');
    timer = setTimeout(() => worker.terminate(), END_WITHIN_MS);
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await ended;
  } finally {
    signal.removeEventListener('abort', end);
    clearTimeout(timer);
  }
}
