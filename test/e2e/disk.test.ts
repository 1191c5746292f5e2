// Data that is not ours, a directory that cannot be written, and a disk that is full: nothing is overwritten, nothing
// that was accepted is lost, and it is said what is the matter. What needs a file system of its own is skipped where
// none can be mounted.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { fill, mountedDirectory } from '../support/small-disk.ts';
import { waitFor } from '../support/wait.ts';
import {
  type Answer,
  ask,
  askList,
  HOOKLANE,
  list,
  type Outcome,
  post,
  run,
  serve,
  startShell,
  stop,
} from './hooklane.ts';

/** A user who may do nothing here. */
const NOBODY = 65_534;

/** The last line on stderr says it, and nothing is on stdout. */
function assertRefused({ exit, stdout, stderr }: Outcome, says: RegExp): void {
  assert.equal(exit, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^hooklane: [^\n]+\n$/);
  assert.match(stderr, says);
}

test('files of others in the place of ours are refused by name, and stay as they are', async (t) => {
  const directory = temporaryDirectory(t);
  const database = join(directory, 'of-another-program.db');
  const other = new DatabaseSync(database);
  other.exec('CREATE TABLE notes (text); PRAGMA application_id = 7');
  other.close();
  const foreign = [readFileSync(database), Buffer.from('no database at all '.repeat(100))];
  for (const name of ['log.db', 'views.db']) {
    for (const [i, content] of foreign.entries()) {
      const data = join(directory, `${name}-${i}`);
      mkdirSync(data);
      writeFileSync(join(data, name), content);
      for (const command of [['serve'], ['status'], ['org', 'create', 'acme']]) {
        const outcome = await run(t, command, { env: { HOOKLANE_DATA: data, PORT: '0' } });
        assertRefused(outcome, new RegExp(`${data}/${name.replace('.', '\\.')} `));
      }
      assert.deepEqual(readFileSync(join(data, name)), content);
      if (name === 'log.db') assert.deepEqual(readdirSync(data), [name]);
    }
  }
});

test('a directory that cannot be written is refused in one line', async (t) => {
  const data = process.getuid?.() === 0 ? mountedDirectory(t, 'size=1m,ro') : temporaryDirectory(t);
  if (data === undefined) {
    t.skip('root may write everywhere, and may mount nothing here');
    return;
  }
  if (process.getuid?.() !== 0) chmodSync(data, 0o500);
  for (const command of [['serve'], ['org', 'create', 'acme']]) {
    assertRefused(
      await run(t, command, { env: { HOOKLANE_DATA: data, PORT: '0' } }),
      new RegExp(`${data}.* cannot be used`),
    );
    const below = join(data, 'below');
    assertRefused(
      await run(t, command, { env: { HOOKLANE_DATA: below, PORT: '0' } }),
      new RegExp(`${below} cannot be used`),
    );
  }
  assert.deepEqual(readdirSync(data), []);
});

test('another user who may not read the data is refused in one line', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can be another user');
    return;
  }
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  await ask(t, ['org', 'create', 'acme'], { env: { HOOKLANE_DATA: data } });
  // A cache that only its owner may write would be told of on stderr.
  const env = { HOOKLANE_DATA: data, NODE_COMPILE_CACHE: '' };
  const outcome = await run(t, ['org', 'list'], { env, uid: NOBODY });
  assertRefused(outcome, new RegExp(`${directory}.* cannot be used`));
});

test('on a full disk posts are answered 503; when there is room again all goes on, and nothing accepted is lost', async (t) => {
  const directory = mountedDirectory(t, 'size=16m');
  if (directory === undefined) {
    t.skip('no file system can be mounted here');
    return;
  }
  const env = { HOOKLANE_DATA: directory };
  const server = await serve(t, directory, { env: { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' } });
  const receiver = await startReceiver(t);
  const url = receiver.url;
  await ask(t, ['endpoint', 'create', '--org', 'default', '--url', url, '--events', '*', '--gap', '0s'], {
    env,
  });
  const accepted: string[] = [];
  const tryPost = async (message: string): Promise<Answer> => {
    const answer = await post(server.url, server.token, { message, filling: 'x'.repeat(20_000) });
    if (answer.status === 201) accepted.push(String(answer.body.id));
    return answer;
  };
  assert.equal((await tryPost('before')).status, 201);
  await waitFor('the first delivery', () => receiver.arrivals.length === 1);

  const filler = join(directory, 'filler');
  fill(filler);
  const refused = await waitFor('the disk to be full', async () => {
    const answer = await tryPost('more');
    return answer.status !== 201 && answer;
  });
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.match(String(refused.headers['content-type']), /problem\+json/);
  for (let i = 0; i < 20; i++) {
    fill(filler);
    assert.ok([201, 503].includes((await tryPost('still more')).status));
  }

  rmSync(filler);
  await waitFor('posts to be taken again', async () => (await tryPost('after')).status === 201);
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const logs = await waitFor(
    'all to be recorded and delivered',
    async () => {
      const found = await list(server.url, adminToken, 'logs');
      const deliveries = await list(server.url, adminToken, 'deliveries?status=processed');
      return found.length >= accepted.length && deliveries.length === found.length && found;
    },
    30_000,
  );
  assert.deepEqual(logs.map(({ inboundWebhookId }) => inboundWebhookId).sort(), accepted.sort());
  const told = new Set(receiver.arrivals.map(({ headers }) => headers['webhook-id']));
  assert.equal(told.size, accepted.length);
  assert.equal((await run(t, ['replay', '--verify'], { env })).exit, 0);
  await stop(server);
});

test('a disk on which not even a command has room is told of as what it is', async (t) => {
  const directory = mountedDirectory(t, 'size=4m');
  if (directory === undefined) {
    t.skip('no file system can be mounted here');
    return;
  }
  const env = { HOOKLANE_DATA: join(directory, 'data') };
  await ask(t, ['org', 'create', 'acme'], { env });
  fill(join(directory, 'filler'));
  for (const command of [['status'], ['org', 'list'], ['org', 'create', 'umbrella']])
    assertRefused(
      await run(t, command, { env }),
      /cannot be used: .*disk (is|I\/O error \(is the disk) full/,
    );
  rmSync(join(directory, 'filler'));
  assert.equal((await askList(t, ['org', 'list'], { env })).length, 1);
});

const FULL = { skip: !existsSync('/dev/full') && 'there is no /dev/full here' };

test('output that cannot be written is told of in one line, and is a failure', FULL, async (t) => {
  const data = temporaryDirectory(t);
  await ask(t, ['org', 'create', 'acme'], { env: { HOOKLANE_DATA: data } });
  for (const args of ['org list', 'org list --json', 'export --org acme', '--help']) {
    const piped = startShell(t, `HOOKLANE_DATA="${data}" ${HOOKLANE} ${args} >/dev/full`);
    const says = 'hooklane: the output cannot be written: no space left on device\n';
    assert.deepEqual([await piped.ended, piped.stderr()], [1, says], args);
  }
  for (const [args, exit] of [
    ['org show nobody', 1],
    ['logs list', 0],
  ] as const) {
    const silent = startShell(t, `HOOKLANE_DATA="${data}" ${HOOKLANE} ${args} 2>/dev/full`);
    assert.deepEqual([await silent.ended, silent.stdout()], [exit, ''], args);
  }
});

test('a server whose greeting cannot be written serves', FULL, async (t) => {
  const data = temporaryDirectory(t);
  const server = startShell(t, `HOOKLANE_DATA="${data}" PORT=0 exec ${HOOKLANE} serve >/dev/full`);
  const env = { HOOKLANE_DATA: data };
  await waitFor('it to serve', async () => {
    const { stdout } = await run(t, ['org', 'list', '--json'], { env });
    return stdout.includes('"default"');
  });
  await stop(server);
});

test('a server whose own log cannot be written takes posts, and stops in order', FULL, async (t) => {
  const line = `HOOKLANE_DATA="${temporaryDirectory(t)}" PORT=0 exec ${HOOKLANE} serve 2>/dev/full`;
  const server = startShell(t, line);
  const [, url = '', token = ''] = await waitFor(
    'the server to listen',
    () => /listens on (\S+) .*shown this once: (\S+)\n/s.exec(server.stdout()) ?? undefined,
    30_000,
  );
  for (const message of ['first', 'second']) assert.equal((await post(url, token, { message })).status, 201);
  await stop(server);
});
