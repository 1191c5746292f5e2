// How a server ends: when it is told to, and when it cannot begin.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, renameSync } from 'node:fs';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Outcome, post, run, serve, stop, within } from './hooklane.ts';

/** As long as a stop may take, and the time that a busy machine takes to notice. */
const STOPPED_WITHIN_MS = 15_000;

/** npm takes a while by itself. */
const NPM_WITHIN_MS = 30_000;
const noGroups = process.platform === 'win32' && 'has no signals and no groups of processes';

/** One line on stderr and nothing else. */
function assertOneLine({ exit, stdout, stderr }: Outcome, expected: RegExp): void {
  assert.equal(exit, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^[^\n]+\n$/);
  assert.match(stderr, expected);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  testOnAllEngines(`${signal} finishes what is in flight, in and out, and exits with 0`, async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const server = await serve(t, directory);
    const held: ServerResponse[] = [];
    const receiver = await startReceiver(t, (response) => held.push(response));
    await ask(t, ['endpoint', 'create', '--org', 'default', '--url', receiver.url, '--events', 'log.*'], {
      env,
    });
    assert.equal((await post(server.url, server.token, { message: 'sent' })).status, 201);
    await waitFor('the request', () => held.length === 1);

    // A post of which the server has the head.
    const posted = httpRequest(`${server.url}/api/v1/webhooks/logs`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        expect: '100-continue',
      },
    });
    const answered = new Promise<number>((resolve, reject) => {
      posted.once('error', reject);
      posted.once('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    const hasHead = new Promise<void>((resolve) => posted.once('continue', resolve));
    posted.flushHeaders();
    await within(hasHead, 'the server to take the head');

    server.kill(signal);
    await waitFor('the stop to begin', () => server.stderr().includes('stopping'));
    await waitFor('no more connections', () =>
      post(server.url, server.token, { message: 'late' }).then(
        ({ status }) => status === 503,
        () => true,
      ),
    );
    posted.end('{"message":"begun before the stop"}');
    assert.equal(await within(answered, 'the answer'), 201);
    const answeredAtMs = performance.now();
    await waitFor('a moment in which it could give up', () => performance.now() > answeredAtMs + 200);
    held[0]?.end('ok');
    assert.equal(await within(server.ended, 'the server to stop', STOPPED_WITHIN_MS), 0, server.stderr());

    const [delivery, ...others] = await askList(t, ['deliveries', 'list', '--status', 'processed'], { env });
    assert.equal(delivery?.responseCode, 200);
    assert.equal(delivery?.attemptCount, 1);
    assert.equal(others.length, 0);
    assert.equal(receiver.arrivals.length, 1);
    assert.equal((await askList(t, ['inbound', 'list'], { env })).length, 2);

    // The next server goes on with what was taken last, and repeats nothing.
    const next = await serve(t, directory);
    const messages = await waitFor('the log of the last post', async () => {
      const logs = await askList(t, ['logs', 'list'], { env });
      return logs.length === 2 && logs.map(({ message }) => message);
    });
    assert.deepEqual(messages, ['begun before the stop', 'sent']);
    await stop(next, signal);
  });
}

testOnAllEngines('a receiver that never answers does not keep the server from stopping', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory };
  const server = await serve(t, directory);
  const receiver = await startReceiver(t, () => {});
  await ask(
    t,
    [
      'endpoint',
      'create',
      '--org',
      'default',
      '--url',
      receiver.url,
      '--events',
      '*',
      '--timeout',
      '1s',
      '--retries',
      'none',
    ],
    { env },
  );
  await post(server.url, server.token, { message: 'held' });
  await waitFor('the request', () => receiver.arrivals.length === 1);
  await stop(server);
  const [delivery] = await askList(t, ['deliveries', 'list'], { env });
  assert.equal(delivery?.status, 'error');
  assert.equal(delivery?.reason, 'timeout');
});

testOnAllEngines(
  'a port that is taken is told in one line, and the first start is still to come',
  async (t) => {
    const taken = await startReceiver(t);
    const { port } = new URL(taken.url);
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory, PORT: port };
    for (const args of [['serve'], ['listen', '--port', port]])
      assertOneLine(await run(t, args, { env }), new RegExp(`\\b${port}\\b.* is taken.*--port`));

    // The token that is shown once is still to be shown.
    const server = await serve(t, directory);
    assert.equal((await post(server.url, server.token, { message: 'x' })).status, 201);
    await stop(server);
  },
);

test('SIGHUP does not end a server that has nothing to read anew', async (t) => {
  const server = await serve(t, temporaryDirectory(t));
  server.kill('SIGHUP');
  await waitFor('it to be told of', () => server.stderr().includes('SIGHUP'));
  assert.equal((await post(server.url, server.token, { message: 'still there' })).status, 201);
  await stop(server);
});

test('npm start that is told to stop leaves no server behind', { skip: noGroups }, async (t) => {
  const data = temporaryDirectory(t);
  const output = join(data, 'output');
  const file = openSync(output, 'a');
  const { PATH, HOME } = process.env;
  // In a group of its own, so that what it might leave behind can be ended.
  const npm = spawn('npm', ['start'], {
    cwd: join(import.meta.dirname, '..', '..'),
    env: { PATH, HOME, HOOKLANE_DATA: data, PORT: '0' },
    stdio: ['ignore', file, file],
    detached: true,
  });
  closeSync(file);
  const ended = once(npm, 'exit');
  t.after(() => {
    if (isAlive(npm.pid)) process.kill(-Number(npm.pid), 'SIGKILL');
  });
  await waitFor('the server', () => readFileSync(output, 'utf8').includes('listens on'), NPM_WITHIN_MS);
  npm.kill('SIGTERM');
  assert.deepEqual(await within(ended, 'npm to end'), [0, null]);
  assert.match(readFileSync(output, 'utf8'), /"stopped"/);
  assert.equal(isAlive(npm.pid), false, 'something of it lives on');
});

/** Whether anybody is left in the group of a process. */
function isAlive(pid: number | undefined): boolean {
  try {
    return process.kill(-Number(pid), 0);
  } catch {
    return false;
  }
}

test('a second server on the same data is refused in one line that names the first; commands are not', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory, PORT: '0' };
  const server = await serve(t, directory);
  const refused = await run(t, ['serve'], { env });
  assertOneLine(refused, new RegExp(`already served by process ${server.pid}\\b`));
  assert.ok(refused.stderr.includes(directory), refused.stderr);
  assert.equal((await ask(t, ['status'], { env })).serving, true);
  assert.equal((await post(server.url, server.token, { message: 'still there' })).status, 201);
  server.kill('SIGKILL');
  await server.ended;

  // Killed, it holds nothing any more. Whether the post still waits, and so is told as a failure, is chance.
  const { stdout } = await run(t, ['status', '--json'], { env });
  assert.equal(JSON.parse(stdout).serving, false);
  await stop(await serve(t, directory));
});

testOnAllEngines(
  'a lost master key is told of before anything is made under another one, and mended by putting it back',
  async (t) => {
    const directory = temporaryDirectory(t);
    await stop(await serve(t, directory));
    const key = join(directory, 'master-key');
    renameSync(key, `${key}.lost`);
    const env = { HOOKLANE_DATA: directory, PORT: '0' };
    const expected = /^hooklane: .*sealed under another master key.*put the file master-key back/;
    assertOneLine(await run(t, ['serve'], { env }), expected);
    assertOneLine(await run(t, ['org', 'create', 'another'], { env }), expected);
    renameSync(`${key}.lost`, key);
    await stop(await serve(t, directory));
  },
);
