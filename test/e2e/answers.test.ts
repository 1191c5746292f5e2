// What integrations are answered, what becomes of webhooks whose receiver fails, and the other ways in: `send`,
// `publish`, `replay`.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, type Fields, post, run, serve, stop } from './hooklane.ts';

const UNLIMITED = { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' };

function createEndpoint(t: TestContext, env: Environment, url: string, ...more: string[]): Promise<Fields> {
  const once = ['--events', '*', '--retries', 'none'];
  return ask(t, ['endpoint', 'create', '--org', 'default', '--url', url, ...once, ...more], { env });
}

/** The deliveries, oldest first, as soon as there are `count` and none is pending. */
function settled(t: TestContext, env: Environment, count: number): Promise<Fields[]> {
  return waitFor(`${count} deliveries`, async () => {
    const items = await askList(t, ['deliveries', 'list'], { env });
    return items.length === count && items.every(({ status }) => status !== 'pending') && items.reverse();
  });
}

testOnAllEngines(
  'posts that are not what they must be are refused by their kind, and leave no trace',
  async (t) => {
    const directory = temporaryDirectory(t);
    const server = await serve(t, directory);
    const { url, token } = server;
    const problemOf = async (...[secret, body]: [string, unknown]) => {
      const { status, headers, body: problem } = await post(url, secret, body);
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
      assert.equal(problem.status, status);
      return status;
    };
    assert.equal(await problemOf('ints_wrong', { message: 'x' }), 401);
    assert.equal(await problemOf(token, '{"message":'), 400);
    assert.equal(await problemOf(token, [{ message: 'x' }]), 422);
    assert.equal(await problemOf(token, { message: 'x'.repeat(300 * 1024) }), 413);

    // None of those counted; of four that are right the fourth is one too many.
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await post(url, token, { message: `post ${i}` })).status);
    assert.deepEqual(statuses, [201, 201, 201]);
    const limited = await post(url, token, { message: 'too many' });
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers['retry-after']) >= 1);
    const env = { HOOKLANE_DATA: directory };
    assert.equal((await askList(t, ['inbound', 'list'], { env })).length, 3);
    await stop(server);
  },
);

testOnAllEngines(
  'a receiver that answers 500, or never, or is not there, makes the webhook end in error, and says so',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const server = await serve(t, directory);
    const failing = await startReceiver(t, (response) => response.writeHead(500).end('no \u001b[31mtoday'));
    const hanging = await startReceiver(t, () => {});
    const broken = await createEndpoint(t, env, failing.url);
    const slow = await createEndpoint(t, env, hanging.url, '--timeout', '500ms');
    const gone = await createEndpoint(t, env, 'http://127.0.0.1:1/');
    await post(server.url, server.token, { message: 'x' });
    const deliveries = await settled(t, env, 3);
    const of = (endpoint: Fields) => deliveries.find(({ endpointId }) => endpointId === endpoint.id);
    const endOf = (endpoint: Fields) => {
      const { status, reason, responseCode } = of(endpoint) ?? {};
      return { status, reason, responseCode };
    };
    assert.deepEqual(endOf(broken), { status: 'error', reason: 'status', responseCode: 500 });
    assert.deepEqual(endOf(slow), { status: 'error', reason: 'timeout', responseCode: null });
    assert.deepEqual(endOf(gone), { status: 'error', reason: 'refused', responseCode: null });
    assert.deepEqual(
      (await askList(t, ['deliveries', 'list', '--code', '5xx'], { env })).map(({ id }) => id),
      [of(broken)?.id],
    );
    const shown = await run(t, ['deliveries', 'show', String(of(broken)?.id)], { env });
    assert.equal(shown.exit, 0);
    assert.match(shown.stdout, /500 .*no .*today/);
    assert.equal(shown.stdout.includes('\u001b'), false);
    await stop(server);
  },
);

testOnAllEngines(
  'send posts a file or standard input, and tells what the server has against it',
  async (t) => {
    const directory = temporaryDirectory(t);
    const server = await serve(t, directory, { env: UNLIMITED });
    const env = { HOOKLANE_DATA: directory, PORT: new URL(server.url).port };
    const file = join(directory, 'error.json');
    writeFileSync(file, '{"message":"from a file"}');
    const sent = await ask(t, ['send', file, '--token', server.token], { env });
    assert.match(String(sent.id), /^in_/);
    const told = await run(t, ['send', '-', '--token', server.token, '--url', server.url], {
      input: '{"message":"from standard input"}',
    });
    assert.equal(told.exit, 0, told.stderr);
    assert.match(told.stdout, /^id +in_\w+\nstatus +pending\n$/);
    const logs = await waitFor('both logs', async () => {
      const items = await askList(t, ['logs', 'list'], { env });
      return items.length === 2 && items.map(({ message }) => message);
    });
    assert.deepEqual(logs, ['from standard input', 'from a file']);
    for (const [input, token, says] of [
      ['[]', server.token, /answered 422: /],
      ['no JSON', server.token, /answered 400: /],
      ['{}', 'ints_wrong', /answered 401: /],
    ] as const) {
      const { exit, stdout, stderr } = await run(t, ['send', '-', '--token', token], { env, input });
      assert.deepEqual([exit, stdout], [1, '']);
      assert.match(stderr, /^hooklane: [^\n]+\n$/);
      assert.match(stderr, says);
    }
    await stop(server);
  },
);

testOnAllEngines(
  'what is published is delivered; replay builds the read models anew and sends nothing',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const server = await serve(t, directory);
    const receiver = await startReceiver(t);
    await createEndpoint(t, env, receiver.url, '--gap', '0s');
    const order = ['publish', '--org', 'default', '--event', 'order.paid', '--data', '{"total":12}'];
    const { id } = await ask(t, order, { env });
    await post(server.url, server.token, { message: 'an error' });
    const deliveries = await settled(t, env, 2);
    assert.deepEqual(
      deliveries.map(({ event }) => event),
      ['order.paid', 'log.created'],
    );
    const [arrival] = receiver.arrivals;
    const told = JSON.parse(arrival?.body ?? '');
    assert.deepEqual([told.id, told.type, told.data], [id, 'order.paid', { total: 12 }]);

    // Beside the running server, and without one.
    const before = await ask(t, ['deliveries', 'list'], { env });
    const verify = async () => {
      const { items } = await ask(t, ['replay', '--verify'], { env });
      assert.ok(Array.isArray(items) && items.length > 5);
      assert.ok(
        items.every(({ differences }) => differences === 0),
        JSON.stringify(items),
      );
    };
    await verify();
    await ask(t, ['replay', 'deliveries', 'logs'], { env });
    await verify();
    assert.deepEqual(await ask(t, ['deliveries', 'list'], { env }), before);
    await stop(server);
    await ask(t, ['replay'], { env });
    await verify();
    assert.deepEqual(await ask(t, ['deliveries', 'list'], { env }), before);
    const next = await serve(t, directory);
    await post(next.url, server.token, { message: 'another' });
    await settled(t, env, 3);
    assert.equal(receiver.arrivals.length, 3);
    await stop(next);
  },
);
