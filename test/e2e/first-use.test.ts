// As a new user would try it: a server, a receiver in another terminal, a few posts, and what the commands tell of
// them.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import {
  ask,
  askList,
  type Environment,
  type Fields,
  post,
  type Running,
  run,
  serve,
  start,
  startShell,
  stop,
  within,
} from './hooklane.ts';

const GAP_MS = 1_500;

/** The port that `hooklane listen` has found. */
async function portOf(listener: Running): Promise<string> {
  return waitFor(
    'the receiver to listen',
    () => /^Listening on http:\/\/127\.0\.0\.1:(\d+)\/ /m.exec(listener.stderr())?.[1],
    30_000,
  );
}

/** What a command that runs on has printed so far: one JSON object a line. */
function linesOf(command: Running): Fields[] {
  return command
    .stdout()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** The deliveries, as soon as there are `count` and none is pending, in the order of what they tell of. */
async function settled(t: TestContext, env: Environment, count: number): Promise<Fields[]> {
  return waitFor(`${count} deliveries`, async () => {
    const items = await askList(t, ['deliveries', 'list'], { env });
    const done = items.length >= count && items.every(({ status }) => status !== 'pending');
    // Two that were decided in the same millisecond have ids in no order.
    return done && items.sort((a, b) => (String(a.eventId) < String(b.eventId) ? -1 : 1));
  });
}

/** Waits until the gap after the last request of a delivery is over. */
async function gapOver(t: TestContext, env: Environment, delivery: Fields | undefined): Promise<void> {
  const { attempts } = await ask(t, ['deliveries', 'show', String(delivery?.id)], { env });
  assert.ok(Array.isArray(attempts));
  const atMs = Date.parse(attempts.at(-1).startedAt) + GAP_MS;
  await waitFor('the gap to be over', () => Date.now() > atMs);
}

async function interrupt(command: Running): Promise<void> {
  command.kill('SIGINT');
  assert.equal(await within(command.ended, 'the command to stop'), 0, command.stderr());
}

testOnAllEngines(
  'the first start prints a token and a curl line that works as pasted; the second does not',
  async (t) => {
    const directory = temporaryDirectory(t);
    const server = await serve(t, directory);
    assert.match(server.stdout().split('\n')[0] ?? '', /^Hooklane listens on http:\/\/127\.0\.0\.1:\d+ /);
    assert.match(server.token, /^ints_\S{20,}$/);
    const [curl = ''] = /^ {2}curl (?:.*\\\n)+.*\n/m.exec(server.stdout()) ?? [];
    assert.ok(curl.includes(server.token), server.stdout());
    const shell = startShell(t, 'command -v curl >/dev/null || exit 99');
    if ((await shell.ended) === 99) t.diagnostic('there is no curl: its line was not tried');
    else {
      const pasted = startShell(t, curl);
      assert.equal(await within(pasted.ended, 'curl'), 0, pasted.stderr());
      assert.match(pasted.stdout(), /^HTTP\/1\.1 201 Created\r\n[\s\S]*"id":"in_\w+","status":"pending"/);
      const env = { HOOKLANE_DATA: directory };
      const [log] = await waitFor('the log', async () => {
        const items = await askList(t, ['logs', 'list'], { env });
        return items.length === 1 && items;
      });
      assert.equal(log?.message, 'Hello from Hooklane');
      assert.equal(log?.level, 'error');
    }
    await stop(server);

    const again = await serve(t, directory);
    assert.equal(again.stdout().includes('first start'), false);
    assert.equal((await post(again.url, server.token, { message: 'x' })).status, 201);
    await stop(again);
  },
);

testOnAllEngines(
  'of three posts the first is delivered, the second omitted, the one after the gap delivered',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const server = await serve(t, directory);

    // An endpoint is made beside the running server, and listen is told its secret.
    const first = start(t, ['listen', '--port', '0'], { env });
    const port = await portOf(first);
    await interrupt(first);
    const endpoint = await ask(
      t,
      [
        'endpoint',
        'create',
        '--org',
        'default',
        '--url',
        `http://127.0.0.1:${port}/`,
        '--events',
        'log.*',
        '--gap',
        `${GAP_MS}ms`,
      ],
      { env },
    );
    const secret = String(endpoint.signingSecret);
    assert.match(secret, /^whsec_/);
    const listener = start(t, ['listen', '--port', port, '--secret', secret], { env });
    await portOf(listener);
    const tailing = [
      start(t, ['deliveries', 'tail', '--json'], { env }),
      start(t, ['logs', 'tail', '--json'], { env }),
    ];
    const [deliveriesTail, logsTail] = tailing;
    assert.ok(deliveriesTail && logsTail);

    // Both at once: they are within the gap, however slow the machine is.
    const posts = await Promise.all([
      post(server.url, server.token, { message: 'one', level: 'error' }),
      post(server.url, server.token, { message: 'two', level: 'warning' }),
    ]);
    assert.deepEqual(
      posts.map(({ status }) => status),
      [201, 201],
    );
    const two = await settled(t, env, 2);
    assert.deepEqual(
      two.map(({ status }) => status),
      ['processed', 'omitted'],
    );
    assert.deepEqual(
      two.map(({ reason }) => reason),
      [null, 'gap'],
    );
    const [delivered, omitted] = two;

    await gapOver(t, env, delivered);
    assert.equal((await post(server.url, server.token, { message: 'three' })).status, 201);
    const three = await settled(t, env, 3);
    assert.deepEqual(
      three.map(({ status }) => status),
      ['processed', 'omitted', 'processed'],
    );

    // The receiver saw two, with right signatures.
    await waitFor('the receiver', () => listener.stdout().match(/signature ok/g)?.length === 2);
    assert.ok(listener.stdout().includes(String(delivered?.id)));
    assert.equal(listener.stdout().includes(String(omitted?.id)), false);
    await interrupt(listener);
    assert.equal(listener.stdout().match(/log\.created/g)?.length, 4, listener.stdout());

    // Show.
    const shown = await ask(t, ['deliveries', 'show', String(delivered?.id)], { env });
    assert.equal(shown.url, endpoint.url);
    assert.ok(Array.isArray(shown.attempts));
    assert.equal(shown.attempts.length, 1);
    assert.equal(shown.attempts[0].responseCode, 200);
    const inbound = await askList(t, ['inbound', 'list'], { env });
    assert.deepEqual(
      inbound.map(({ status }) => status),
      ['processed', 'processed', 'processed'],
    );
    assert.deepEqual(
      inbound
        .map(({ id }) => id)
        .slice(1)
        .toSorted(),
      posts.map(({ body }) => body.id).toSorted(),
    );
    const raw = await ask(t, ['inbound', 'show', String(inbound[0]?.id)], { env });
    assert.deepEqual(raw.payload, { message: 'three' });
    const logs = await askList(t, ['logs', 'list', '--level', 'warning'], { env });
    assert.deepEqual(
      logs.map(({ message }) => message),
      ['two'],
    );
    const log = await ask(t, ['logs', 'show', String(raw.logId)], { env });
    assert.equal(log.message, 'three');

    // What was omitted can be tried again.
    await gapOver(t, env, three[2]);
    const again = start(t, ['listen', '--port', port, '--secret', secret, '--json'], { env });
    await portOf(again);
    await ask(t, ['deliveries', 'retry', String(omitted?.id)], { env });
    const [arrived] = await waitFor('the retried webhook', () => {
      const lines = linesOf(again);
      return lines.length > 0 && lines;
    });
    assert.equal(arrived?.webhookId, omitted?.id);
    assert.equal(arrived?.verified, true);
    await interrupt(again);
    const all = await settled(t, env, 3);
    assert.deepEqual(
      all.map(({ status }) => status),
      ['processed', 'processed', 'processed'],
    );

    // What was followed, and how it stands.
    await waitFor('the tails', () => linesOf(logsTail).length >= 1 && linesOf(deliveriesTail).length >= 1);
    for (const tail of tailing) await interrupt(tail);
    assert.ok(linesOf(logsTail).every(({ id }) => String(id).startsWith('log_')));
    assert.ok(linesOf(deliveriesTail).every(({ id }) => String(id).startsWith('wh_')));
    const status = await ask(t, ['status'], { env });
    assert.equal(status.serving, true);
    assert.equal(status.logs, 3);
    assert.deepEqual(status.deliveries, { pending: 0, processed: 3, omitted: 0, error: 0 });
    await stop(server);
  },
);

test('the demo shows the whole path, ends with 0, and leaves nothing behind', async (t) => {
  const directory = temporaryDirectory(t);
  const { exit, stdout, stderr } = await run(t, ['demo'], { env: { TMPDIR: directory } });
  assert.equal(exit, 0, stdout + stderr);
  assert.equal(stdout.match(/^posted /gm)?.length, 3);
  assert.equal(stdout.match(/^✔ /gm)?.length, 6);
  assert.match(stdout, /All was as it must be\.\n$/);
  assert.deepEqual(readdirSync(directory), []);
});
