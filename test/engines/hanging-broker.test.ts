// A broker that stands still (SIGSTOP) in the middle of requests, and goes on: who posts is told so soon, and what was told
// so and arrives all the same is one log where it had an Idempotency-Key.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, list, post, run, serve, stop } from '../e2e/hooklane.ts';
import { startBroker } from '../support/broker.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { missing, missingOwn, uniqueDatabase, uniquePrefix } from '../support/engines.ts';
import { dropDatabase } from '../support/mongod.ts';
import { waitFor } from '../support/wait.ts';

/** Posts at once, each with a key of its own, and as many without one. */
const AT_ONCE = 5;
/** How often they are sent while it stands still: then it goes on before our requests to it are given up, or long after. */
const ROUNDS = [1, 3];
/** It is 3 s; a request to the broker is given up after 6 s. */
const TOLD_WITHIN_MS = 5_500;
const TAKEN_WITHIN_MS = 90_000;

test('while the broker stands still posts are soon answered 503, and sent again under their keys they are one log each', {
  skip: missingOwn('kafka') || missing('mongodb'),
}, async (t) => {
  const broker = await startBroker(t);
  const views = uniqueDatabase();
  t.after(() => dropDatabase(views));
  const directory = temporaryDirectory(t);
  const env = {
    HOOKLANE_LOG: broker.url,
    HOOKLANE_VIEWS: views,
    HOOKLANE_TOPIC_PREFIX: uniquePrefix(),
    HOOKLANE_PARTITIONS: '4',
    HOOKLANE_BURST: 'none',
    HOOKLANE_SUSTAINED: 'none',
  };
  const server = await serve(t, directory, { env });
  const send = (key: string) => post(server.url, server.token, { message: key }, { 'idempotency-key': key });
  /** Again until it is taken. */
  const insist = (key: string): Promise<Answer> =>
    waitFor(
      `${key} to be taken`,
      async () => {
        const answer = await send(key);
        assert.ok([201, 409, 503].includes(answer.status), JSON.stringify(answer.body));
        return answer.status === 201 && answer;
      },
      TAKEN_WITHIN_MS,
    );
  await insist('first');

  for (const rounds of ROUNDS) {
    const keys = Array.from({ length: AT_ONCE }, (_, number) => `${rounds}-${number}`);
    broker.signal('SIGSTOP');
    for (let round = 0; round < rounds; round++) {
      const sinceMs = performance.now();
      const answers = await Promise.all([
        ...keys.map(send),
        ...keys.map((key) => post(server.url, server.token, { message: `${key} without a key` })),
      ]);
      const tookMs = performance.now() - sinceMs;
      t.diagnostic(`told after ${tookMs.toFixed(0)} ms: ${answers.map(({ status }) => status).join(' ')}`);
      for (const [number, { status, headers, body }] of answers.entries()) {
        // What became of the first round is not known.
        const mayWait = round > 0 && number < keys.length;
        assert.ok(status === 503 || (mayWait && status === 409), JSON.stringify(body));
        assert.ok(Number(headers['retry-after']) > 0);
      }
      if (round === 0) assert.ok(tookMs < TOLD_WITHIN_MS, `${tookMs} ms`);
    }
    broker.signal('SIGCONT');
    const taken = await Promise.all(keys.map(insist));
    t.diagnostic(`${taken.filter(({ headers }) => headers['idempotent-replayed']).length} had arrived`);
    const again = await Promise.all(keys.map(insist));
    assert.deepEqual(
      again.map(({ body }) => body.id),
      taken.map(({ body }) => body.id),
    );
  }

  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const keyed = [
    'first',
    ...ROUNDS.flatMap((rounds) => Array.from({ length: AT_ONCE }, (_, n) => `${rounds}-${n}`)),
  ];
  const messages = await waitFor('all logs', async () => {
    if ((await list(server.url, adminToken, 'inbound-webhooks?status=pending')).length > 0) return false;
    const found = (await list(server.url, adminToken, 'logs')).map(({ message }) => String(message));
    return keyed.every((key) => found.includes(key)) && found;
  });
  assert.deepEqual(messages.filter((message) => !message.includes('without')).sort(), keyed.sort());
  const { exit, stdout, stderr } = await run(t, ['verify'], { env: { HOOKLANE_DATA: directory, ...env } });
  assert.equal(exit, 0, `${stdout}${stderr}`);
  await stop(server);
});
