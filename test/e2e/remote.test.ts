// Commands that ask a server somewhere else (--url, HOOKLANE_URL): they do and say what they do and say beside it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, run, serve, start, within } from './hooklane.ts';

interface Places {
  /** Opens the stores of the server's data directory. */
  beside: Environment;
  /** Asks the server, and finds nothing in its own data directory. */
  remote: Environment;
  url: string;
  adminToken: string;
}

async function begin(t: TestContext): Promise<Places> {
  const directory = temporaryDirectory(t);
  const { url } = await serve(t, directory);
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const elsewhere = join(temporaryDirectory(t), 'data');
  const remote = { HOOKLANE_DATA: elsewhere, HOOKLANE_URL: url, HOOKLANE_TOKEN: adminToken };
  return { beside: { HOOKLANE_DATA: directory }, remote, url, adminToken };
}

testOnAllEngines('what is made through a server is shown by it as it is shown beside it', async (t) => {
  const { beside, remote } = await begin(t);
  let answers = 204;
  const { url, arrivals } = await startReceiver(t, (response) => {
    response.writeHead(answers).end();
  });
  await ask(t, ['org', 'create', 'acme'], { env: remote });
  await ask(t, ['project', 'create', 'shop', '--org', 'acme'], { env: remote });
  const made = ['integration', 'create', 'web', '--project', 'shop', '--burst', '10/1s'];
  assert.match(String((await ask(t, made, { env: remote })).publicSecret), /^ints_/);
  const endpoint = ['endpoint', 'create', '--org', 'acme', '--url', url, '--events', '*', '--gap', '200ms'];
  const { id: endpointId } = await ask(t, [...endpoint, '--retries', 'none'], { env: remote });
  const publish = ['publish', '--org', 'acme', '--event', 'order.paid', '--data', '{"total":12}'];
  answers = 500;
  await ask(t, publish, { env: remote });
  const failed = ['deliveries', 'list', '--status', 'error'];
  const [delivery] = await waitFor('it to fail', async () => {
    const items = await askList(t, failed, { env: remote });
    return items.length > 0 && items;
  });

  const id = String(delivery?.id);
  for (const args of [
    ['org', 'list'],
    ['org', 'show', 'acme'],
    ['project', 'list', '--org', 'acme'],
    ['integration', 'list', '--project', 'shop'],
    ['endpoint', 'list', '--org', 'acme'],
    ['deliveries', 'list', '--event', 'order.*', '--endpoint', url],
    ['deliveries', 'show', id],
    ['logs', 'list'],
    ['inbound', 'list', '--limit', '1'],
    ['deliveries', 'stats', '--by', 'event'],
    ['logs', 'groups', '--sort', 'count'],
  ]) {
    const [there, here] = [await ask(t, args, { env: remote }), await ask(t, args, { env: beside })];
    assert.deepEqual(there, here, args.join(' '));
  }

  const status = await ask(t, ['status'], { env: remote });
  assert.deepEqual([status.healthy, status.serving, typeof status.url], [true, true, 'string']);

  answers = 204;
  await ask(t, ['deliveries', 'retry', id], { env: remote });
  await waitFor('it to be delivered', async () => {
    return (await ask(t, ['deliveries', 'show', id], { env: beside })).status === 'processed';
  });
  const again = await run(t, ['deliveries', 'retry', id], { env: remote });
  assert.deepEqual([again.exit, /is processed; only webhooks in error/.test(again.stderr)], [1, true]);

  const disabled = await ask(t, ['endpoint', 'disable', url], { env: remote });
  assert.equal(disabled.status, 'disabled');
  for (let n = 0; n < 3; n++) await ask(t, publish, { env: remote });
  const enabled = await ask(t, ['endpoint', 'enable', url, '--probe'], { env: remote });
  assert.deepEqual([enabled.id, enabled.status], [endpointId, 'active']);
  const recover = ['deliveries', 'recover', '--endpoint', url, '--since', '1h'];
  const recovered = await ask(t, recover, { env: remote });
  assert.deepEqual([recovered.asked, recovered.processed, recovered.failed], [3, 3, 0]);
  assert.equal(arrivals.length, 6);
});

test('what is wrong is said in the same words, with the same exit code', async (t) => {
  const { beside, remote, url } = await begin(t);
  for (const args of [
    ['org', 'show', 'nobody'],
    ['org', 'create', ' padded'],
    ['org', 'create', 'default'],
    ['project', 'create', 'shop', '--org', 'nobody'],
    ['deliveries', 'list', '--status', 'nope'],
    ['deliveries', 'list', '--since', 'nope'],
    ['deliveries', 'list', '--cursor', 'nope'],
    ['deliveries', 'show', 'wh_1'],
    ['deliveries', 'retry', 'wh_1'],
    ['logs', 'list', '--limit', '0'],
  ]) {
    const [there, here] = [await run(t, args, { env: remote }), await run(t, args, { env: beside })];
    assert.notEqual(there.exit, 0, args.join(' '));
    assert.deepEqual(there, here, args.join(' '));
  }

  const { HOOKLANE_DATA = '' } = remote;
  const refused: [Environment, string[], number, RegExp][] = [
    [{ HOOKLANE_URL: url }, [], 2, /HOOKLANE_TOKEN is missing/],
    [{ HOOKLANE_URL: url, HOOKLANE_TOKEN: 'wrong' }, [], 1, /refuses the token/],
    [{ HOOKLANE_URL: 'example', HOOKLANE_TOKEN: 'x' }, [], 2, /HOOKLANE_URL .*allowed/],
    [{ HOOKLANE_TOKEN: 'x' }, ['--url', 'http://127.0.0.1:9'], 1, /127\.0\.0\.1:9 cannot be reached/],
  ];
  for (const [env, more, exit, says] of refused) {
    const outcome = await run(t, ['org', 'list', ...more], { env: { HOOKLANE_DATA, ...env } });
    assert.deepEqual([outcome.exit, outcome.stdout], [exit, '']);
    assert.match(outcome.stderr, says);
    assert.equal(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
  }
});

test('options stand above the environment, also before the command', async (t) => {
  const { url, adminToken } = await begin(t);
  const env = { HOOKLANE_URL: 'http://127.0.0.1:9', HOOKLANE_TOKEN: 'wrong-token' };
  const server = ['--url', url, '--token', adminToken];
  assert.equal((await askList(t, ['org', 'list', ...server], { env })).length, 1);
  assert.equal((await askList(t, [...server, 'org', 'list'], { env })).length, 1);
  const made = ['endpoint', 'create', '--org', 'default', '--url', 'http://127.0.0.1:1/', '--events', '*'];
  assert.equal((await ask(t, [...server, ...made], { env })).url, 'http://127.0.0.1:1/');
});

test('deliveries are followed through a server, until Ctrl+C or until it stops', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory);
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(204).end();
  });
  const beside = { HOOKLANE_DATA: directory };
  const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const endpoint = ['endpoint', 'create', '--org', 'default', '--url', url, '--events', '*', '--gap', '0s'];
  await ask(t, endpoint, { env: beside });
  const follow = ['deliveries', 'tail', '--json', '--url', server.url, '--token', token];
  const [one, other] = [start(t, follow), start(t, follow)];
  // It does not say when it has begun: something happens until it has been told of.
  await waitFor(
    'both to tell',
    async () => {
      await ask(t, ['publish', '--org', 'default', '--event', 'a.b', '--data', '{}'], { env: beside });
      return [one, other].every((tail) => tail.stdout().includes('\n'));
    },
    30_000,
  );
  const [line = ''] = one.stdout().split('\n');
  const { status, event } = JSON.parse(line);
  assert.deepEqual([status, event], ['processed', 'a.b']);
  one.kill('SIGINT');
  assert.equal(await within(one.ended, 'the end of tail'), 0, one.stderr());
  server.kill('SIGTERM');
  assert.equal(await within(server.ended, 'the server to stop'), 0);
  assert.equal(await within(other.ended, 'the end of the other'), 1);
  assert.match(other.stderr(), /has stopped|is gone/);
});
