// The subscribers of a cluster: one HTTP server in a thread of its own, so that it notices arrivals when they come,
// however busy the test is. The path names the endpoint; `slow` in it takes a while, `failing` is answered
// 500, `flaky` now and then.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Owner } from '../support/directory.ts';

export interface Arrival {
  /** The path that it was sent to. */
  path: string;
  webhookId: string;
  eventId: string;
  /** Milliseconds since 1970, with parts of them. */
  atMs: number;
}

export interface Subscriber {
  /** Without a path. */
  url: string;
  /** What has arrived so far, and by how much it may have been noticed late. */
  arrivals(): Promise<{ arrivals: Arrival[]; noiseMs: number }>;
}

/** Closed after the test `t`. */
export async function startSubscriber(t: Owner): Promise<Subscriber> {
  const worker = new Worker(new URL('./subscriber-thread.ts', import.meta.url));
  t.after(() => worker.terminate());
  const [port] = await once(worker, 'message');
  return {
    url: `http://127.0.0.1:${port}`,
    async arrivals() {
      const answer = once(worker, 'message');
      worker.postMessage('arrivals');
      const [found] = await answer;
      return found;
    },
  };
}
