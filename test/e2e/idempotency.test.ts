// Idempotency-Key, across whatever befalls the server: many at once, restarts, kill -9, read models that are deleted.

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import {
  type Answer,
  ask,
  type Environment,
  list,
  post,
  run,
  type Serving,
  serve,
  stop,
} from './hooklane.ts';

const UNLIMITED = { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' };
/** A lease is over, and a process started, long before. */
const TAKEN_WITHIN_MS = 60_000;

const keyed = (key: string) => ({ 'idempotency-key': key });
const isReplayed = ({ headers }: Answer) => headers['idempotent-replayed'] === 'true';

/** Sends it again until it is taken, as a client does that has heard nothing, or 409 or 503. */
function insist(send: () => Promise<Answer>): Promise<Answer> {
  return waitFor(
    'the post to be taken',
    async () => {
      const answer = await send().catch(() => undefined);
      if (answer === undefined || [409, 503].includes(answer.status)) return false;
      assert.equal(answer.status, 201);
      return answer;
    },
    TAKEN_WITHIN_MS,
  );
}

/** Nothing is wrong in the log, and the read models are what it makes of them. */
async function assertSound(t: TestContext, env: Environment): Promise<void> {
  for (const command of [['verify'], ['replay', '--verify']]) {
    const { exit, stdout, stderr } = await run(t, command, { env });
    assert.equal(exit, 0, `${stdout}${stderr}`);
  }
}

function adminTokenOf(directory: string): string {
  return readFileSync(join(directory, 'admin-token'), 'utf8').trim();
}

testOnAllEngines(
  'what is sent a hundred times at once, and again after a restart, is one log and one webhook',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const { url: subscriber, arrivals } = await startReceiver(t);
    const first = await serve(t, directory, { env: UNLIMITED });
    await ask(
      t,
      ['endpoint', 'create', '--org', 'default', '--url', subscriber, '--events', '*', '--gap', '0'],
      {
        env,
      },
    );
    const send = ({ url }: Serving) => post(url, first.token, { message: 'once' }, keyed('at-once'));
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(first)));
    const ids = new Set(answers.map(({ status, body }) => `${status} ${body.id}`));
    assert.equal(ids.size, 1, [...ids].join());
    assert.equal(answers.filter((answer) => !isReplayed(answer)).length, 1);
    const publish = ['publish', '--org', 'default', '--event', 'order.paid', '--data', '{"n":1}'];
    const once = ['--idempotency-key', 'order-1'];
    const published = await ask(t, [...publish, ...once], { env });
    await stop(first);

    // Without a server, beside one, and by it.
    assert.deepEqual(await ask(t, [...publish, ...once], { env }), published);
    const second = await serve(t, directory);
    const again = await insist(() => send(second));
    assert.deepEqual([again.body.id, isReplayed(again)], [answers[0]?.body.id, true]);
    assert.deepEqual(await ask(t, [...publish, ...once], { env }), published);
    const remote = {
      HOOKLANE_DATA: join(directory, 'none'),
      HOOKLANE_URL: second.url,
      HOOKLANE_TOKEN: adminTokenOf(directory),
    };
    assert.deepEqual(await ask(t, [...publish, ...once], { env: remote }), published);
    const other = await run(t, ['publish', '--org', 'default', '--event', 'k', '--data', '2', ...once], {
      env,
    });
    assert.equal(other.exit, 1);
    assert.match(other.stderr, /^hooklane: this Idempotency-Key was used before, with another body/);
    const sendOnce = [
      'send',
      '--token',
      first.token,
      '--url',
      second.url,
      '--idempotency-key',
      'at-once',
      '-',
    ];
    const sent = await ask(t, sendOnce, { env, input: '{"message":"once"}' });
    assert.equal(sent.id, again.body.id);

    const all = (collection: string) => list(second.url, adminTokenOf(directory), collection);
    const deliveries = await waitFor('all to be delivered', async () => {
      const found = await all('deliveries');
      return found.length === 2 && found.every(({ status }) => status === 'processed') && found;
    });
    assert.deepEqual(deliveries.map(({ event }) => event).sort(), ['log.created', 'order.paid']);
    assert.equal(arrivals.length, 2);
    assert.equal((await all('inbound-webhooks')).length, 1);
    assert.equal((await all('logs')).length, 1);
    await assertSound(t, env);
    await stop(second);
  },
);

const KEYS = 150;
/** Clients that send at a time, and the keys at which the server is killed. */
const CLIENTS = 12;
const KILLED_AT = [50, 100];

testOnAllEngines(
  'kill -9 among posts that are sent until they are taken makes none of them two',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    let server = await serve(t, directory, { env: UNLIMITED });
    const { token } = server;
    const send = (n: number) => () => post(server.url, token, { message: `post ${n}` }, keyed(`key-${n}`));
    let restarting: Promise<void> = Promise.resolve();
    const restart = async () => {
      server.kill('SIGKILL');
      assert.equal(await server.ended, 'SIGKILL');
      server = await serve(t, directory, { env: UNLIMITED });
    };
    const ids: unknown[] = [];
    let next = 0;
    const client = async () => {
      while (next < KEYS) {
        const n = next++;
        // In the middle of those that the others are just sending.
        if (KILLED_AT.includes(n)) restarting = restarting.then(restart);
        ids[n] = (await insist(send(n))).body.id;
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    await restarting;
    for (let n = 0; n < KEYS; n++) {
      const again = await insist(send(n));
      assert.deepEqual([again.body.id, isReplayed(again)], [ids[n], true]);
    }
    const logs = await waitFor('all logs', async () => {
      const found = await list(server.url, adminTokenOf(directory), 'logs');
      return found.length >= KEYS && found;
    });
    assert.deepEqual(logs.map(({ inboundWebhookId }) => inboundWebhookId).sort(), ids.toSorted());
    assert.equal(new Set(logs.map(({ message }) => message)).size, KEYS);
    await assertSound(t, env);
    await stop(server);
  },
);

test('when the read models were deleted a repeat is known by the log', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await serve(t, directory, { env: UNLIMITED });
  const send = ({ url }: Serving, key: string) => post(url, first.token, { message: key }, keyed(key));
  const ids: unknown[] = [];
  for (let n = 0; n < 20; n++) ids.push((await send(first, `key-${n}`)).body.id);
  first.kill('SIGKILL');
  await first.ended;
  for (const file of ['views.db', 'claims.db'])
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `${file}${suffix}`), { force: true });
  const second = await serve(t, directory, { env: UNLIMITED });
  const again = await Promise.all(ids.map((_, n) => insist(() => send(second, `key-${n}`))));
  assert.deepEqual(
    again.map(({ body }) => body.id),
    ids,
  );
  assert.ok(again.every(isReplayed));
  await assertSound(t, { HOOKLANE_DATA: directory });
  await stop(second);
});
