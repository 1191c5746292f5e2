// A log that does not keep up: posts are refused early, and none that was taken is lost. Read models and subscribers that do
// not keep up hold up no post.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { MAX_WAITING_BYTES } from '../../src/log/waiting.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { LOGS, startWithIntegration } from './api.ts';
import { serve } from './app.ts';
import { type Answer, assertProblem } from './client.ts';

const BODY = `{"a":"${'x'.repeat(256 * 1024 - 8)}"}`;
const ENDPOINTS = '/api/v1/organizations/default/endpoints';

/** Keeps everybody else from writing, until what is returned is called. */
function holdWriteLock(t: TestContext, path: string): () => void {
  const other = new DatabaseSync(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  return () => other.exec('ROLLBACK');
}

test('a log that stands still lets posts wait, then refuses more before they are read; it goes on by itself', async (t) => {
  const { call, events, log, path, port, token } = await startWithIntegration(t);
  const release = holdWriteLock(t, join(path, 'log.db'));
  const taken: Promise<Answer>[] = [];
  const post = () => call(LOGS, { token, raw: BODY });
  await waitFor('the log to be full', async () => {
    for (let i = 0; i < 16; i++) taken.push(post());
    assert.equal((await call('/healthz', { token: null })).status, 200);
    return log.isFull();
  });
  const before = process.memoryUsage().rss;
  // Only the head is sent, and no leave is asked to send the rest.
  const early = await headAnswered(
    port,
    `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`,
  );
  assert.match(early, /^HTTP\/1\.1 503 /);
  const refused: Answer[] = [];
  for (let round = 0; round < 20; round++)
    refused.push(...(await Promise.all(Array.from({ length: 16 }, post))));
  for (const answer of refused) {
    assertProblem(answer, 503);
    assert.equal(answer.headers['retry-after'], '1');
  }
  assert.ok(refused.some(({ body }) => body?.type === 'urn:hooklane:problem:busy'));
  assertProblem(await call(LOGS, { token: 'made-up', raw: BODY }), 401);
  assert.ok(process.memoryUsage().rss - before < MAX_WAITING_BYTES, 'memory does not grow');
  release();
  const answers = await Promise.all(taken);
  const ids = answers.filter(({ status }) => status === 201).map(({ body }) => body?.id);
  for (const answer of answers) if (answer.status !== 201) assertProblem(answer, 503);
  assert.ok(ids.length > 0);
  assert.equal((await post()).status, 201);
  const stored = new Set<unknown>((await events('inbound')).map(({ id }) => id));
  for (const id of ids) assert.ok(stored.has(id));
});

/** The first that is answered to the head of a request. */
function headAnswered(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(head);
    socket
      .once('data', (chunk) => {
        resolve(String(chunk));
        socket.destroy();
      })
      .once('error', reject);
  });
}

test('while read models stand still and subscribers hang every post is taken, and all come through later', async (t) => {
  const POSTS = 300;
  let hangs = true;
  const { url, arrivals } = await startReceiver(t, (response) => {
    if (!hangs) response.end();
  });
  const path = temporaryDirectory(t);
  const { call, ok, token } = await serve(t, { path });
  for (let i = 0; i < 5; i++)
    await ok(ENDPOINTS, { json: { url, events: ['log.*'], gap: '0s', timeout: '1s', retries: [] } });
  const release = holdWriteLock(t, join(path, 'views.db'));
  const posts = Array.from({ length: POSTS }, (_, i) => call(LOGS, { token, json: { message: `m ${i}` } }));
  const statuses = (await Promise.all(posts)).map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([201]));
  await waitFor('subscribers to hang', () => arrivals.length >= 5);
  const { items } = await ok<{ items: unknown[] }>('/api/v1/logs');
  assert.equal(items.length, 0, 'no read model has moved');
  hangs = false;
  release();
  await waitFor(
    'all logs to be shown',
    async () => {
      const page = await ok<{ items: unknown[]; cursor: string | null }>('/api/v1/logs?limit=200');
      const next =
        page.cursor === null
          ? []
          : (await ok<{ items: unknown[] }>(`/api/v1/logs?limit=200&cursor=${page.cursor}`)).items;
      return page.items.length + next.length === POSTS;
    },
    30_000,
  );
});
