// A Redis of a test's own, from what `npm run engines` has provided. It keeps nothing on disk.

import type { TestContext } from 'node:test';
import { commandOf } from './provisioned.ts';
import { freePort, type Server, serverDirectory, startServer } from './server.ts';

/** Starts a Redis, closed after the test `t`. Whether there is one to start says `missingOwn('redis')`. */
export async function startRedis(t: Pick<TestContext, 'after'>): Promise<Server> {
  const server = await newRedis();
  t.after(() => server.close());
  return server;
}

/** Starts a Redis that its caller closes. */
export async function newRedis(): Promise<Server> {
  const command = commandOf('redis');
  if (command === undefined) throw new Error('no Redis to start: npm run engines');
  const port = await freePort();
  return startServer({
    name: 'Redis',
    port,
    url: `redis://127.0.0.1:${port}`,
    directory: serverDirectory(),
    command: [...command, '--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    ready: /eady to accept connections/,
  });
}
