// A MongoDB-wire server of a test's own, from what `npm run engines` has provided: to be stopped, killed and started
// again, and to refuse a login. Tests that need none of this share the one of test/support/engines.ts.

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MongoClient } from 'mongodb';
import { commandOf } from './provisioned.ts';
import { freePort, type Server, serverDirectory, startServer } from './server.ts';

/** Who may do everything, on a server that has users. */
export const SUPERUSER = { username: 'admin', password: 'admin-secret' };

export interface MongodOptions {
  /** Who has not logged in as `SUPERUSER` (authSource=admin) is refused. */
  auth?: boolean;
  /** What was acknowledged is still there after SIGKILL: true unless said otherwise. Slower. */
  durable?: boolean;
}

/** Starts a server, closed after the test `t`. Whether there is one to start says `missingOwn('mongodb')`. */
export async function startMongod(
  t: Pick<TestContext, 'after'>,
  options: MongodOptions = {},
): Promise<Server> {
  const server = await newMongod(options);
  t.after(() => server.close());
  return server;
}

/** Starts a server that its caller closes. */
export async function newMongod({ auth = false, durable = true }: MongodOptions = {}): Promise<Server> {
  const command = commandOf('mongodb');
  if (command === undefined) throw new Error('no MongoDB to start: npm run engines');
  const directory = serverDirectory();
  const port = await freePort();
  const place = ['--host', '127.0.0.1', '--port', String(port), '--storage-path', join(directory, 'data')];
  const options = {
    name: 'MongoDB',
    port,
    url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    directory,
    command: [...command, ...place, ...settings(command, durable)],
    ready: /listening on/i,
  };
  if (!auth) return startServer(options);
  const open = await startServer(options);
  await createUser(open.url);
  await open.stop();
  return startServer({ ...options, command: [...options.command, '--auth'] });
}

/** Small: after a crash the native server reads its log from end to end, for 13 s when it has the usual 2 GB. */
function settings([program = '']: readonly string[], durable: boolean): string[] {
  const log = program.endsWith('-rs') ? ['--log-file-max', '64MB'] : [];
  return ['--cache-size', '256M', ...log, ...(durable ? ['--sync-on-commit'] : [])];
}

/** Drops the database that a URL names. */
export async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}

async function createUser(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    const { username, password } = SUPERUSER;
    await client.db('admin').command({ createUser: username, pwd: password, roles: ['root'] });
  } finally {
    await client.close();
  }
}
