// The projector in a thread of its own, so that posts and deliveries do not wait for read models. It shares nothing
// with the rest of the process but the stores, which it opens for itself; that it looks for news every few
// milliseconds instead of being woken lets it take many events in at a time.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import type { Projector } from '../projections/projector.ts';
import { workerScript } from '../worker-script.ts';

/** What the thread is started with. Keys stay behind: there are no secrets in read models. */
export interface ProjectorThreadData {
  config: Config;
  logLevel: string;
}

export interface ProjectorThread extends Projector {
  /** Resolves once it has opened its stores. Rejects with what opening them throws. */
  readonly opened: Promise<void>;
}

/** Starts the thread. What it has to load for that it loads beside whatever goes on here. */
export function startProjectorThread(config: Config, logLevel: string): ProjectorThread {
  const workerData: ProjectorThreadData = {
    config: { ...config, adminToken: undefined, masterKeys: undefined },
    logLevel,
  };
  const script = workerScript(import.meta.url, 'projector-worker');
  const worker = new Worker(script, { workerData, name: 'read models' });
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  worker.once('error', reject);
  worker.once('exit', resolve);
  ended.catch(() => {});
  let isOpen = false;
  async function open(): Promise<void> {
    await Promise.race([once(worker, 'message'), ended]);
    isOpen = true;
  }
  const opened = open();
  opened.catch(() => {});
  return {
    opened,
    ended,
    async close() {
      worker.postMessage('close');
      // Why it has never opened was told already.
      await (isOpen ? ended : ended.catch(() => {}));
    },
  };
}
