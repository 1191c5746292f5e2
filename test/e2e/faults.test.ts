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
import { list, post, run, type Serving, serve, stop } from './hooklane.ts';

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

/**
 * The inbound webhooks of all logs, once all of `accepted` are among them and nothing waits any more. Their number would not
 * do: a post that was refused may be there as well, and be seen before one that was accepted later.
 */
function settled(server: Serving, directory: string, accepted: readonly string[]): Promise<string[]> {
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  return waitFor(
    'all that was accepted to be recorded',
    async () => {
      const pending = await list(server.url, adminToken, 'inbound-webhooks?status=pending');
      const logs = await list(server.url, adminToken, 'logs');
      const recorded = logs.map(({ inboundWebhookId }) => String(inboundWebhookId));
      return pending.length === 0 && accepted.every((id) => recorded.includes(id)) && recorded;
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
  const before = await settled(server, directory, accepted);
  server.kill('SIGKILL');
  await server.ended;
  const again = await start();
  for (const recorded of [before, await settled(again, directory, accepted)])
    assert.deepEqual(recorded.toSorted(), accepted.toSorted());
  await ensureSound(t, directory);
  await stop(again);
});

test('a crash while the log cannot be written loses nothing that was accepted before', async (t) => {
  const made = onFailingDisk(t);
  if (made === undefined) return;
  const { directory, disk, start } = made;
  let token = '';
  const accepted: string[] = [];
  let refused = 0;
  for (const { call, error } of FAULTS) {
    const server = await start();
    token ||= server.token;
    for (let number = 0; number < POSTS; number++) {
      if (number === POSTS / 2) disk.fail({ file: 'log.db', call, error });
      const { status, body } = await post(server.url, token, { message: `${call} ${error} ${number}` });
      if (status === 201) accepted.push(String(body.id));
      else refused++;
    }
    server.kill('SIGKILL');
    await server.ended;
    disk.heal();
  }
  assert.equal(accepted.length, (FAULTS.length * POSTS) / 2);
  const server = await start();
  const recorded = await settled(server, directory, accepted);
  assert.equal(new Set(recorded).size, recorded.length);
  t.diagnostic(`${recorded.length - accepted.length} of ${refused} refused posts are there after the crash`);
  await ensureSound(t, directory);
  await stop(server);
});

test('while the read models cannot be written posts are taken, and the read models catch up afterwards', async (t) => {
  const made = onFailingDisk(t);
  if (made === undefined) return;
  const { directory, disk, start } = made;
  const server = await start();
  const accepted: string[] = [];
  for (const { call, error } of FAULTS) {
    disk.fail({ file: 'views.db', call, error });
    for (let number = 0; number < POSTS; number++) {
      const { status, body } = await post(server.url, server.token, {
        message: `${call} ${error} ${number}`,
      });
      assert.equal(status, 201, `${call} ${error}`);
      accepted.push(String(body.id));
    }
    disk.heal();
    await settled(server, directory, accepted);
  }
  await ensureSound(t, directory);
  await stop(server);
});
