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
import { type Api, LOGS, type Made, startWithIntegration } from './api.ts';
import { serve } from './app.ts';
import { type Answer, assertProblem } from './client.ts';

const BODY = `{"a":"${'x'.repeat(1024 * 1024 - 8)}"}`;
const ENDPOINTS = '/api/v1/organizations/default/endpoints';

/** Keeps everybody else from writing, until what is returned is called. */
function holdWriteLock(t: TestContext, path: string): () => void {
  const other = new DatabaseSync(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  return () => other.exec('ROLLBACK');
}

test('a log that stands still lets posts wait, then refuses more before they are read; it goes on by itself', async (t) => {
  const api = await startWithIntegration(t, { bodyBytes: BODY.length });
  const { call, events, log, path, token } = api;
  const release = holdWriteLock(t, join(path, 'log.db'));
  const before = process.memoryUsage().rss;
  const posts: Promise<Answer>[] = [];
  const post = () => {
    const posted = call(LOGS, { token, raw: BODY });
    posts.push(posted);
    return posted;
  };
  // What waits is given up in time: so it is filled up until somebody comes when it is full.
  const early = await waitFor(
    'the log to be full, and to refuse a post by its head',
    async () => {
      for (let i = 0; i < 8 && !log.isFull(); i++) post();
      assert.equal((await call('/healthz', { token: null })).status, 200);
      return log.isFull() && answerToHead(api);
    },
    60_000,
  );
  assert.match(early, /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*urn:hooklane:problem:busy/is);
  assertProblem(await call(LOGS, { token: 'made-up', raw: BODY }), 401);
  assert.ok(process.memoryUsage().rss - before < 6 * MAX_WAITING_BYTES, 'memory is bounded');
  release();
  await waitFor('a post to be taken', async () => (await post()).status === 201);
  const stored = new Set<unknown>((await events('inbound')).map(({ id }) => id));
  for (const answer of await Promise.all(posts)) {
    if (answer.status === 201) assert.ok(stored.has(answer.body?.id));
    else assertProblem(answer, 503);
  }
});

/** What the head of a post alone is answered; undefined: its body is waited for. */
async function answerToHead({ port, token, log }: Api & Made): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const lines = [
    `POST ${LOGS} HTTP/1.1`,
    'host: a',
    `authorization: Bearer ${token}`,
    'content-length: 1000',
  ];
  socket.write(`${lines.join('\r\n')}\r\ncontent-type: application/json\r\n\r\n`);
  await waitFor('an answer, or room', () => text !== '' || !log.isFull());
  socket.destroy();
  return text === '' ? undefined : text;
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
