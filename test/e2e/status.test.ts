// hooklane status as operators use it: beside a server, without one, again and again, and over HTTP.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { freePort } from '../support/server.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, type Fields, fetchItem, post, run, serve, start, stop } from './hooklane.ts';

testOnAllEngines(
  'the status tells the same beside the server and over HTTP, and fails where work waits for a server',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const receiver = await startReceiver(t, (response) => response.writeHead(500).end());
    const server = await serve(t, directory);
    const endpoint = ['endpoint', 'create', '--org', 'default', '--url', receiver.url, '--events', 'log.*'];
    const { id } = await ask(t, [...endpoint, '--retries', '1h'], { env });
    await post(server.url, server.token, { message: 'x' });
    const failing = await waitFor('the first attempt to have failed', async () => {
      const status = await ask(t, ['status'], { env });
      return (status.endpoints as Fields).failing === 1 ? status : undefined;
    });
    assert.deepEqual([failing.healthy, failing.serving, failing.lanes], [true, true, 1]);
    assert.deepEqual(
      (failing.problems as Fields[]).map(({ what }) => what),
      ['endpoints'],
    );
    assert.deepEqual((failing.oldestPending as Fields).endpointId, id);
    assert.deepEqual((failing.timers as Fields).later, 1);
    assert.ok((failing.groups as Fields[]).every(({ exact }) => exact === true));

    const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
    const { at, dataDirectory, ...own } = failing;
    const { at: later, ...remote } = await fetchItem(server.url, token, 'status');
    assert.deepEqual(withoutAges(remote), withoutAges(own));
    assert.ok(String(later) > String(at) && dataDirectory === directory);

    await stop(server);
    const { exit, stdout, stderr } = await run(t, ['status', '--json'], { env });
    assert.equal(exit, 1);
    assert.equal(stderr, 'hooklane: unhealthy: no-server\n');
    const stopped: Fields = JSON.parse(stdout);
    assert.deepEqual([stopped.healthy, stopped.serving], [false, false]);
    // All was read; what a transaction has left behind in the topics of Kafka is no event.
    assert.deepEqual(
      (stopped.groups as Fields[]).map(({ lag }) => lag),
      [0, 0, 0, 0, 0],
    );
    const people = await run(t, ['status'], { env });
    assert.equal(people.exit, 1);
    assert.match(
      people.stdout,
      /^unhealthy\nunhealthy {2}no server works the log off.*1 webhook to be sent.*\nwarning/,
    );
  },
);

/** Without what grows by itself. */
function withoutAges({ oldestPending, logBytes, viewsBytes, topics, ...rest }: Fields): Fields {
  const { ageMs: _, ...pending } = oldestPending as Fields;
  return { ...rest, pending, topics: (topics as Fields[]).map(({ bytes: __, ...topic }) => topic) };
}

test('it is watched, a line each time, until Ctrl+C, which is no failure', async (t) => {
  const env = { HOOKLANE_DATA: temporaryDirectory(t) };
  await ask(t, ['org', 'create', 'acme'], { env });
  const [text, json] = [[], ['--json']].map((extra) =>
    start(t, ['status', '--watch', '100ms', ...extra], { env }),
  );
  for (const watching of [text, json]) {
    await waitFor('three lines', () => (watching?.stdout().split('\n').length ?? 0) > 3, 30_000);
    watching?.kill('SIGINT');
    assert.equal(await watching?.ended, 0, watching?.stderr());
  }
  for (const line of text?.stdout().trim().split('\n') ?? [])
    assert.match(
      line,
      /^\S+Z unhealthy recorder\/inbound=0 dispatcher\/organizations=1 .* unhealthy:no-server$/,
    );
  for (const line of json?.stdout().trim().split('\n') ?? []) assert.equal(JSON.parse(line).healthy, false);
});

test('a server is watched over its stop and its next start', async (t) => {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const server = await serve(t, directory, { port });
  const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const env = { HOOKLANE_URL: server.url, HOOKLANE_TOKEN: token };
  const watching = start(t, ['status', '--watch', '100ms'], { env });
  const lines = () => watching.stdout().split('\n').length;
  await waitFor('a line', () => lines() > 1, 30_000);
  await stop(server);
  await waitFor('word that it is away', () =>
    /is gone|cannot be reached|is being stopped/.test(watching.stderr()),
  );
  const before = lines();
  await serve(t, directory, { port });
  await waitFor('another line', () => lines() > before, 30_000);
  watching.kill('SIGINT');
  assert.equal(await watching.ended, 0, watching.stderr());
  const never = await run(t, ['status', '--watch'], { env: { ...env, HOOKLANE_URL: 'http://127.0.0.1:9' } });
  assert.deepEqual([never.exit, /cannot be reached/.test(never.stderr)], [1, true]);
});
