// hooklane prune as operators run it: beside a server that goes on serving, on a log in which there is something old.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import type { LogReceived } from '../../src/events.ts';
import { leastId } from '../../src/ids.ts';
import { openLog } from '../../src/open.ts';
import * as facts from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Fields, post, run, serve, stop } from './hooklane.ts';

const HOUR_MS = 3_600_000;
const OLD = 1_200;

/** As many posts as that, which were received 50 hours ago. */
async function receivedLongAgo(t: TestContext, directory: string): Promise<void> {
  const env = { HOOKLANE_DATA: directory };
  const [integration] = await askList(t, ['integration', 'list', '--org', 'default'], { env });
  const { organizationId, projectId, id: integrationId } = integration as Record<string, string>;
  const receivedAtMs = Date.now() - 50 * HOUR_MS;
  const log = await openLog(loadConfig(env), { serve: false });
  try {
    const received = Array.from({ length: OLD }, (_, n) => {
      const id = `${leastId('in', receivedAtMs)}${String(n).padStart(16, '0')}`;
      const own = { id, organizationId, projectId, integrationId, receivedAtMs };
      return facts.logReceived({ ...own, body: Buffer.from('{"message":"old"}') } as LogReceived);
    });
    await log.append(received);
  } finally {
    await log.close();
  }
}

test('prune takes what is old out of the log while the server serves, and read models stay right', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory };
  const receiver = await startReceiver(t);
  let server = await serve(t, directory);
  await receivedLongAgo(t, directory);
  const endpoint = ['endpoint', 'create', '--org', 'default', '--url', receiver.url, '--events', 'log.*'];
  await waitFor(
    'all to be recorded',
    async () => (await askList(t, ['logs', 'groups'], { env }))[0]?.count === OLD,
    60_000,
  );
  await ask(t, [...endpoint, '--gap', '1h'], { env });
  await post(server.url, server.token, { message: 'new' });
  await waitFor('it to be sent', () => receiver.arrivals.length === 1);
  const groups = await askList(t, ['logs', 'groups'], { env });

  const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const remote = { HOOKLANE_URL: server.url, HOOKLANE_TOKEN: token };
  const dry = await ask(t, ['prune', '--before', '40h', '--dry-run'], { env: remote });
  const pruning = ask(t, ['prune', '--before', '40h'], { env });
  assert.equal((await post(server.url, server.token, { message: 'meanwhile' })).status, 201);
  const pruned = await pruning;
  const counts = ({ items }: Fields) => (items as Fields[]).map(({ events }) => events);
  assert.deepEqual(counts(pruned), [OLD, OLD, 0]);
  assert.deepEqual(counts(dry), counts(pruned));
  for (const where of [env, remote])
    assert.deepEqual(counts(await ask(t, ['prune', '--before', '40h'], { env: where })), [0, 0, 0]);

  const verified = async () => {
    for (const { view, differences } of (await askList(t, ['replay', '--verify'], { env })) as Fields[]) {
      assert.equal(differences, 0, String(view));
    }
    assert.deepEqual((await ask(t, ['verify'], { env })).findings, []);
  };
  await verified();
  const messages = (await askList(t, ['logs', 'list'], { env })).map(({ message }) => message);
  assert.deepEqual(messages, ['meanwhile', 'new']);
  assert.deepEqual((await askList(t, ['logs', 'groups'], { env })).slice(1), groups);
  await ask(t, ['replay'], { env });
  assert.deepEqual((await askList(t, ['logs', 'groups'], { env })).slice(1), groups);

  // A server that starts on what is left knows all that it needs: the gap still lasts.
  await stop(server);
  const { token: integrationToken } = server;
  server = await serve(t, directory);
  await post(server.url, integrationToken, { message: 'after' });
  const omitted = await waitFor('the last one to be decided', async () => {
    const items = await askList(t, ['deliveries', 'list', '--status', 'omitted'], { env });
    return items.length === 2 && items;
  });
  assert.ok(omitted.every(({ reason }) => reason === 'gap'));
  assert.equal(receiver.arrivals.length, 1);
  await verified();
  await stop(server);
});

test('prune is refused while a webhook is pending, and says until when it would do', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory };
  const receiver = await startReceiver(t, (response) => response.writeHead(500).end());
  const server = await serve(t, directory);
  const endpoint = ['endpoint', 'create', '--org', 'default', '--url', receiver.url, '--events', 'log.*'];
  await ask(t, [...endpoint, '--retries', '1h'], { env });
  await post(server.url, server.token, { message: 'x' });
  await waitFor('the first attempt', () => receiver.arrivals.length === 1);
  await stop(server);
  const { exit, stderr } = await run(t, ['prune', '--before', '0s'], { env });
  assert.equal(exit, 1);
  const [, time = ''] =
    /^hooklane: nothing is taken out, as wh_\w+ is pending; --before (\S+) would do\n$/.exec(stderr) ?? [];
  assert.notEqual(time, '', stderr);
  assert.equal((await run(t, ['prune', '--before', time], { env })).exit, 0);
  for (const before of ['soon', '2999-01-01']) {
    const wrong = await run(t, ['prune', '--before', before], { env });
    assert.equal(wrong.exit, 2);
    assert.match(wrong.stderr, /Allowed: an age such as 90d, or a time in the past/);
  }
});

testOnAllEngines(
  'prune without --before is wrong usage, and a log that cannot be pruned is told',
  async (t) => {
    const env = { HOOKLANE_DATA: temporaryDirectory(t) };
    assert.equal((await run(t, ['prune'], { env })).exit, 2);
    await ask(t, ['org', 'create', 'acme'], { env });
    const { exit, stderr } = await run(t, ['prune', '--before', '1d'], { env });
    if (t.name.includes('(Kafka')) {
      assert.equal(exit, 1);
      assert.match(stderr, /^hooklane: this log cannot be pruned: on Kafka, .*HOOKLANE_KAFKA_RETENTION\)\n$/);
    } else assert.deepEqual([exit, stderr.includes('is gone')], [0, true]);
  },
);
