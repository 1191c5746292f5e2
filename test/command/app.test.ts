// The API of a whole serving process: what is posted is recorded, sent and shown, and what the machine cannot do now
// is refused and can be done later.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { serve } from './app.ts';
import { assertProblem, wrongFields } from './client.ts';

const LOGS = '/api/v1/webhooks/logs';
const ENDPOINTS = '/api/v1/organizations/default/endpoints';

test('the answer to a post is its id and that it is pending, and nothing else', async (t) => {
  const { call, token } = await serve(t);
  const { status, text, headers } = await call(LOGS, { token, json: { message: 'boom' } });
  assert.equal(status, 201);
  assert.match(text, /^\{"id":"in_[0-9A-HJKMNP-TV-Z]{26}","status":"pending"\}$/);
  assert.equal(headers['content-length'], String(text.length));
});

test('what is posted becomes a log, is told to who subscribes, and is shown at every step', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const { ok, token } = await serve(t);
  const endpoint = await ok(ENDPOINTS, { json: { url, events: ['log.*'] } });
  const { id = '' } = await ok(LOGS, { token, json: { message: 'boom', level: 'warning' } });
  await waitFor('the webhook to arrive', () => arrivals.length === 1);
  const delivery = await waitFor('the delivery to be processed', async () => {
    const page = await ok<Page>(`/api/v1/deliveries?endpoint=${endpoint.id}&status=processed`);
    return page.items[0];
  });
  assert.equal(delivery.responseCode, 200);
  const inbound = await ok(`/api/v1/inbound-webhooks/${id}`);
  assert.equal(inbound.status, 'processed');
  assert.deepEqual(inbound.payload, { message: 'boom', level: 'warning' });
  const log = await ok(`/api/v1/logs/${inbound.logId}`);
  assert.deepEqual([log.message, log.level, log.inboundWebhookId], ['boom', 'warning', id]);
});

test('statistics and groups of logs are asked for over HTTP, with the filters of the lists', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const { call, ok, token } = await serve(t);
  const endpoint = await ok(ENDPOINTS, { json: { url, events: ['log.*'] } });
  await ok(LOGS, { token, json: { message: 'Connection refused' } });
  await waitFor('the webhook to arrive', () => arrivals.length === 1);
  await waitFor('the delivery to be counted', async () => {
    const [row] = (await ok<Page>(`/api/v1/deliveries/stats?by=endpoint&host=${new URL(url).host}`)).items;
    return Object(row).key === endpoint.id && Object(row).processed === 1;
  });
  const [group] = (await ok<Page>('/api/v1/logs/groups?org=default&sort=count')).items;
  assert.deepEqual([Object(group).message, Object(group).count], ['Connection refused', 1]);
  assert.equal((await ok<Page>('/api/v1/logs?search=REFUSED%20connection')).items.length, 1);
  assert.equal((await ok<Page>('/api/v1/logs?search=reset')).items.length, 0);
  for (const wrong of ['deliveries/stats?by=day', 'deliveries?error=boom', 'logs/groups?sort=best']) {
    assertProblem(await call(`/api/v1/${wrong}`), 422);
  }
});

test('a delivery that failed is tried again when an operator asks, and then no more', async (t) => {
  let fails = true;
  const { url, arrivals } = await startReceiver(t, (response) => {
    response.writeHead(fails ? 500 : 200).end();
  });
  const { call, ok } = await serve(t);
  await ok(ENDPOINTS, { json: { url, events: ['order.*'], gap: '0s', retries: [] } });
  await ok('/api/v1/organizations/default/events', { json: { kind: 'order.paid', data: { order: 7 } } });
  const inStatus = (status: string) =>
    waitFor(`a delivery in ${status}`, async () => {
      const page = await ok<Page>(`/api/v1/deliveries?event=order.*&status=${status}`);
      return page.items[0];
    });
  const { id } = await inStatus('error');
  fails = false;
  const { status, body } = await call(`/api/v1/deliveries/${id}/retry`, { method: 'POST' });
  assert.deepEqual([status, body], [202, { id, status: 'pending' }]);
  assert.equal((await inStatus('processed')).id, id);
  assert.equal(new Set(arrivals.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.equal(new Set(arrivals.map((arrival) => arrival.body)).size, 1);
  assertProblem(await call(`/api/v1/deliveries/${id}/retry`, { method: 'POST' }), 409);
});

test('a delivery that is named twice is tried again once', async (t) => {
  const { url } = await startReceiver(t, (response) => void response.writeHead(500).end());
  const { ok, call } = await serve(t);
  await ok(ENDPOINTS, { json: { url, events: ['order.*'], gap: '0s', retries: [] } });
  await ok('/api/v1/organizations/default/events', { json: { kind: 'order.paid', data: {} } });
  const { id } = await waitFor('a delivery in error', async () => {
    const page = await ok<Page>('/api/v1/deliveries?status=error');
    return page.items[0];
  });
  const { status, text } = await call('/api/v1/deliveries/retry', { json: { ids: [id, id, id] } });
  assert.deepEqual([status, JSON.parse(text).items], [202, [{ id, status: 'pending' }]]);
});

test('a refusal for lack of a right is logged, also where it shows late', async (t) => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const { ok, call } = await serve(t, { logger });
  const TOKENS = '/api/v1/tokens';
  const writer = await ok(TOKENS, { json: { name: 'writer', scopes: ['write'] } });
  const token = writer.token ?? '';
  assertProblem(await call('/api/v1/logs', { token }), 403);
  assertProblem(await call(TOKENS, { token, json: { name: 'x', scopes: ['read'] } }), 403);
  const refused = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'refused: no right');
  assert.deepEqual(
    refused.map(({ by, method, url }) => [by, method, url]),
    [
      [writer.id, 'GET', '/api/v1/logs'],
      [writer.id, 'POST', TOKENS],
    ],
  );
});

test('a list is read page by page, and nothing comes twice or is missing', async (t) => {
  const { call, ok, token } = await serve(t);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await ok(LOGS, { token, json: { i } })).id ?? '');
  const path = '/api/v1/inbound-webhooks?limit=2';
  await waitFor('all to be listed', async () => {
    const page = await ok<Page>('/api/v1/inbound-webhooks');
    return page.items.length === ids.length;
  });
  const listed: unknown[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null && pages < 4; pages++) {
    const page: Page = await ok<Page>(cursor === '' ? path : `${path}&cursor=${cursor}`);
    assert.ok(page.items.length <= 2);
    listed.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
  }
  assert.deepEqual(listed, ids.toReversed());
  assert.equal(cursor, null);
  const wrong = await call('/api/v1/inbound-webhooks?colour=red');
  assertProblem(wrong, 422);
  assert.deepEqual(wrongFields(wrong), ['colour']);
});

test('a limit of one post a second lets the next one in when Retry-After is over', async (t) => {
  const { call, token } = await serve(t, { env: { HOOKLANE_BURST: '1/1s' } });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  const refused = await call(LOGS, { token, json: {} });
  assertProblem(refused, 429);
  assert.equal(refused.headers['retry-after'], '1');
  await waitFor('the next post to be taken', async () => {
    const { status } = await call(LOGS, { token, json: {} });
    assert.ok(status === 201 || status === 429);
    return status === 201;
  });
});

test('it starts and serves without a warning, and writes no line for a request', async (t) => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const { call, token } = await serve(t, { logger });
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  assertProblem(await call(LOGS, { token, raw: '{' }), 400);
  // Warnings are told on the next tick.
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    warnings.map(({ name, message }) => `${name}: ${message}`),
    [],
  );
  assert.deepEqual(
    lines.filter((line) => /"(req|res)":/.test(line)),
    [],
  );
});

test('a request that comes while it stops is refused with a problem', async (t) => {
  const { app, port, call } = await serve(t);
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  // The head of the second is not whole yet, so its connection is not idle.
  const head = 'GET /healthz HTTP/1.1\r\nhost: a\r\n';
  socket.write(`${head}\r\n${head}`);
  await waitFor('the first to be answered', () => text.startsWith('HTTP/1.1 200 '));
  const closed = app.close();
  await waitFor('no more connections', () =>
    call('/healthz').then(
      () => false,
      () => true,
    ),
  );
  text = '';
  socket.write('\r\n');
  await closed;
  await waitFor('the answer', () => text !== '');
  assert.match(text, /^HTTP\/1\.1 503 .*urn:hooklane:problem:stopping/s);
});

test('a disk that is full refuses posts, and takes them again when there is room; none that was taken is lost', async (t) => {
  const disk = mountSmallDisk();
  if (disk === undefined) {
    t.skip('needs the right to mount a small disk');
    return;
  }
  const serving = serve(t, { path: disk.path });
  // Done in this order: the process ends, then its disk is taken away.
  t.after(disk.remove);
  const { call, ok, app, token } = await serving;
  let failure: unknown;
  app.failed.catch((error) => {
    failure = error;
  });
  const filler = join(disk.path, 'filler');
  const taken: unknown[] = [];
  const post = async () => {
    const answer = await call(LOGS, { token, json: { message: 'x'.repeat(100_000) } });
    if (answer.status === 201) taken.push(answer.body?.id);
    return answer;
  };
  await post();
  fill(filler);
  const refused = await waitFor('a post to be refused', async () => {
    const answer = await post();
    return answer.status !== 201 && answer;
  });
  assertProblem(refused, 503);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.doesNotMatch(refused.text, /SQLITE|disk|log\.db/i);
  const admin = await call('/api/v1/organizations', { json: { name: 'x'.repeat(100) } });
  assert.ok([201, 503].includes(admin.status), admin.text);
  assert.equal((await call('/healthz', { token: null })).status, 200);
  rmSync(filler);
  await waitFor('a post to be taken again', async () => (await post()).status === 201);
  await waitFor('each that was taken, and no other, to be shown', async () => {
    const page = await ok<Page>('/api/v1/inbound-webhooks?limit=200');
    return page.items.length >= taken.length && page;
  });
  const page = await ok<Page>('/api/v1/inbound-webhooks?limit=200');
  assert.deepEqual(
    page.items.map(({ id }) => id),
    taken.toReversed(),
  );
  assert.equal(failure, undefined);
});

interface Page {
  items: Record<string, unknown>[];
  cursor: string | null;
}

/** A disk of 16 MiB, where this process may have one; what is done to be rid of it. */
function mountSmallDisk(): { path: string; remove: () => void } | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const path = mkdtempSync(join(tmpdir(), 'hooklane-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmdirSync(path);
    return undefined; // root in a container, mostly
  }
  const remove = () => {
    execFileSync('umount', [path]);
    rmdirSync(path);
  };
  return { path, remove };
}

/** Writes until there is no room. */
function fill(path: string): void {
  for (let bytes = 1024 * 1024; bytes >= 4_096; ) {
    try {
      writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      bytes /= 2;
    }
  }
}
