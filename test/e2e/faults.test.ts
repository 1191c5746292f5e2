// A disk that fails under a server: no room, errors of reading and writing, a file system that has become read-only,
// writes that are cut off, syncs that fail; of the log alone and of the read models alone. What is answered 201 is there
// afterwards, what is refused is not, and nothing has to be restarted.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { type FailingDisk, type Fault, failingDisk } from '../support/failing-disk.ts';
import { waitFor } from '../support/wait.ts';
import { type Fields, isWorkedOff, list, post, run, type Serving, serve, stop } from './hooklane.ts';

const FAULTS: readonly Omit<Fault, 'file'>[] = [
  { call: 'write', error: 'ENOSPC' },
  { call: 'write', error: 'EIO' },
  { call: 'write', error: 'EROFS' },
  { call: 'torn', error: 'ENOSPC' },
  { call: 'torn', error: 'EIO' },
  { call: 'sync', error: 'EIO' },
  { call: 'sync', error: 'ENOSPC' },
];
/** Posts under each fault. */
const POSTS = 10;
const SETTLED_WITHIN_MS = 30_000;

interface Run {
  directory: string;
  disk: FailingDisk;
  start(): Promise<Serving>;
}

/** A data directory on a disk that can fail; undefined: none can be had, and the test is skipped. */
function onFailingDisk(t: TestContext): Run | undefined {
  const disk = failingDisk(t);
  if (disk === undefined) {
    t.skip('needs Linux and a C compiler (cc)');
    return undefined;
  }
  const directory = temporaryDirectory(t);
  const env = { ...disk.env, HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' };
  return { directory, disk, start: () => serve(t, directory, { env }) };
}

/** All logs, once nothing waits any more. */
function settled(server: Serving, directory: string): Promise<Fields[]> {
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  return waitFor(
    'all to be recorded',
    async () => {
      if (!(await isWorkedOff(server.url, adminToken))) return false;
      const pending = await list(server.url, adminToken, 'inbound-webhooks?status=pending');
      return pending.length === 0 && list(server.url, adminToken, 'logs');
    },
    SETTLED_WITHIN_MS,
  );
}

async function ensureSound(t: TestContext, directory: string): Promise<void> {
  for (const command of [['verify'], ['replay', '--verify']]) {
    const { exit, stdout, stderr } = await run(t, command, { env: { HOOKLANE_DATA: directory } });
    assert.equal(exit, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  }
}

test('while the log cannot be written every post is refused, and afterwards taken; what was accepted is there', async (t) => {
  const made = onFailingDisk(t);
  if (made === undefined) return;
  const { directory, disk, start } = made;
  const server = await start();
  const { url, token } = server;
  const accepted: string[] = [];
  const tryPost = async (message: string): Promise<number> => {
    const { status, body, headers } = await post(url, token, { message });
    if (status === 201) accepted.push(String(body.id));
    if (status === 503) assert.ok(Number(headers['retry-after']) >= 1);
    return status;
  };
  for (const { call, error } of FAULTS) {
    disk.fail({ file: 'log.db', call, error });
    const statuses = await Promise.all(Array.from({ length: POSTS }, () => tryPost(`${call} ${error}`)));
    assert.deepEqual([...new Set(statuses)], [503], `${call} ${error}`);
    disk.heal();
    await waitFor('posts to be taken again', async () => (await tryPost('healed')) === 201);
  }
  // Before and after a crash.
  const logs = await settled(server, directory);
  server.kill('SIGKILL');
  await server.ended;
  const again = await start();
  for (const found of [logs, await settled(again, directory)])
    assert.deepEqual(found.map(({ inboundWebhookId }) => inboundWebhookId).sort(), accepted.toSorted());
  await ensureSound(t, directory);
  await stop(again);
});

test('a crash while the log cannot be written loses nothing that was accepted before', async (t) => {
  const made = onFailingDisk(t);
  if (made === undefined) return;
  const { directory, disk, start } = made;
  let token = '';
  const accepted = new Set<string>();
  let refused = 0;
  for (const { call, error } of FAULTS) {
    const server = await start();
    token ||= server.token;
    for (let number = 0; number < POSTS; number++) {
      if (number === POSTS / 2) disk.fail({ file: 'log.db', call, error });
      const { status, body } = await post(server.url, token, { message: `${call} ${error} ${number}` });
      if (status === 201) accepted.add(String(body.id));
      else refused++;
    }
    server.kill('SIGKILL');
    await server.ended;
    disk.heal();
  }
  assert.equal(accepted.size, (FAULTS.length * POSTS) / 2);
  const server = await start();
  const logs = await settled(server, directory);
  const found = logs.map(({ inboundWebhookId }) => String(inboundWebhookId));
  assert.equal(new Set(found).size, found.length);
  for (const id of accepted) assert.ok(found.includes(id), `the accepted post ${id}`);
  t.diagnostic(`${found.length - accepted.size} of ${refused} refused posts are there after the crash`);
  await ensureSound(t, directory);
  await stop(server);
});

test('while the read models cannot be written posts are taken, and the read models catch up afterwards', async (t) => {
  const made = onFailingDisk(t);
  if (made === undefined) return;
  const { directory, disk, start } = made;
  const server = await start();
  let posted = 0;
  for (const { call, error } of FAULTS) {
    disk.fail({ file: 'views.db', call, error });
    for (let number = 0; number < POSTS; number++) {
      const { status } = await post(server.url, server.token, { message: `${call} ${error} ${number}` });
      assert.equal(status, 201, `${call} ${error}`);
      posted++;
    }
    disk.heal();
    assert.equal((await settled(server, directory)).length, posted);
  }
  await ensureSound(t, directory);
  await stop(server);
});
