// Clients that are too slow, silent, half gone or too many: they are answered where they can be, and cut off; others are not
// held up, and what takes long by its nature is not cut.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PATIENCE } from '../../src/command/http-server.ts';
import { newId } from '../../src/ids.ts';
import { waitFor } from '../support/wait.ts';
import { type Api, LOGS, type Made, startApi, startWithIntegration, startWithOrganization } from './api.ts';
import { ADMIN_TOKEN } from './client.ts';
import { open } from './raw-client.ts';

/** So short that a test waits for them; a machine that is busy makes them longer, never shorter. */
const patience = {
  ...{ headMs: 200, requestMs: 400, keepAliveMs: 200, silenceMs: 600, pieceMs: 400 },
  ...{ lingerMs: 100, checkMs: 20 },
};
const SLOWER_THAN_ANY_MS = 1_500;
const DRIP_MS = 20;
/** More than the systems of both sides hold for each other before anybody reads. */
const MUCH = 1_000_000;

test('it is looked for who is too slow much more often than he is waited for', () => {
  assert.ok(PATIENCE.checkMs <= PATIENCE.headMs / 10);
});

/** Writes a byte now and then, until it is cut off. */
function drip(t: TestContext, socket: Socket, next: () => string | Buffer): void {
  const timer = setInterval(() => socket.write(next()), DRIP_MS);
  const stop = () => clearInterval(timer);
  socket.once('close', stop).once('error', stop);
  t.after(stop);
}

const head = (token: string, lines = '') =>
  `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n${lines}\r\n`;

const TOO_SLOW =
  /^HTTP\/1\.1 408 Request Timeout\r\ncontent-type: application\/problem\+json\r\nconnection: close\r\n.*"urn:hooklane:problem:too-slow".*\}$/s;

async function noConnections({ connections }: Api): Promise<void> {
  await waitFor('the server to have no connection', async () => (await connections()) === 0);
}

/** What a client sends that is too slow. */
const SLOW: Record<string, (t: TestContext, socket: Socket, made: Made) => void> = {
  'says nothing': () => {},
  'sends the head byte by byte': (t, socket) => {
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\nx: ');
    drip(t, socket, () => 'y');
  },
  'stops within the head': (_t, socket) => void socket.write('GET /healthz HTTP/1.1\r\nhost'),
  'sends the body byte by byte': (t, socket, { token }) => {
    socket.write(`${head(token, 'content-length: 100000\r\n')}{"a":"`);
    drip(t, socket, () => 'x');
  },
  'stops within a body in chunks': (_t, socket, { token }) =>
    void socket.write(`${head(token, 'transfer-encoding: chunked\r\n')}2\r\n{"\r\n`),
  'sends a packed body byte by byte': (t, socket, { token }) => {
    socket.write(head(token, 'content-length: 100000\r\ncontent-encoding: gzip\r\n'));
    const packed = gzipSync(randomBytes(10_000));
    let sent = 0;
    drip(t, socket, () => packed.subarray(sent, ++sent));
  },
};

for (const [what, send] of Object.entries(SLOW)) {
  test(`a client that ${what} is answered 408 and cut off, though it never closes; others are served`, async (t) => {
    const api = await startWithIntegration(t, { patience });
    const slow = open(t, api.port);
    send(t, slow.socket, api);
    assert.equal((await api.call(LOGS, { token: api.token, json: {} })).status, 201);
    await waitFor('it to be cut off', slow.isClosed);
    assert.match(slow.text(), TOO_SLOW);
    assert.equal((await api.call(LOGS, { token: api.token, json: {} })).status, 201);
    assert.equal((await api.events('inbound')).length, 2);
    await noConnections(api);
  });
}

test('a hundred that are slow at once do not hold up a client that is not, and leave nothing open', async (t) => {
  const api = await startWithIntegration(t, { patience });
  const slow = Array.from({ length: 100 }, () => open(t, api.port));
  slow.forEach(({ socket }, i) => {
    const sends = Object.values(SLOW);
    sends[i % sends.length]?.(t, socket, api);
  });
  while (slow.some(({ isClosed }) => !isClosed()))
    assert.equal((await api.call(LOGS, { token: api.token, json: {} })).status, 201);
  for (const { text } of slow) assert.match(text(), /^HTTP\/1\.1 408 /);
  await noConnections(api);
});

test('a connection that is kept and not used is closed, without a word', async (t) => {
  const api = await startApi(t, { patience });
  const idle = open(t, api.port);
  idle.socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
  await waitFor('it to be closed', idle.isClosed);
  assert.match(idle.text(), /^HTTP\/1\.1 200 OK.*\{"status":"ok"\}$/s);
});

test('a client that asks and never reads the answers is cut off', async (t) => {
  const api = await startApi(t, { patience });
  const deaf = open(t, api.port);
  deaf.socket.pause();
  const ask = 'GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(1_000);
  const timer = setInterval(() => {
    // What the server takes no more is not heaped up here.
    if (deaf.socket.writableLength === 0) deaf.socket.write(ask);
  }, 1);
  t.after(() => clearInterval(timer));
  await waitFor(
    'the server to be stuck with it',
    () => deaf.socket.writableLength > 0 && deaf.socket.bytesWritten > MUCH,
  );
  assert.equal(await api.connections(), 1);
  await noConnections(api);
});

test('half a connection that is closed behind a whole request is answered, within one it is let go', async (t) => {
  const api = await startWithIntegration(t, { patience });
  const whole = open(t, api.port);
  whole.socket.end(`${head(api.token, 'content-length: 2\r\n')}{}`);
  await waitFor('it to be closed', whole.isClosed);
  assert.match(whole.text(), /^HTTP\/1\.1 201 Created/);
  const half = open(t, api.port);
  half.socket.end(`${head(api.token, 'content-length: 20\r\n')}{"a"`);
  await waitFor('it to be closed', half.isClosed);
  await noConnections(api);
  assert.equal((await api.events('inbound')).length, 1);
});

test('more connections than there may be are closed at once; idle ones make room for them', async (t) => {
  const api = await startApi(t, { maxConnections: 5, patience: { headMs: 30_000 } });
  const ask = 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n';
  const few = Array.from({ length: 5 }, () => open(t, api.port));
  const [idle, ...busy] = few;
  await waitFor('all to be connected', async () => (await api.connections()) === 5);
  idle?.socket.write(ask);
  await waitFor('an answer', () => idle?.text() !== '');
  const more = open(t, api.port);
  await waitFor('one too many to be closed', more.isClosed);
  assert.equal(more.text(), '');
  await waitFor('the idle one to be closed', () => idle?.isClosed());
  const next = open(t, api.port);
  next.socket.write(ask);
  await waitFor('the next one to be answered', () => next.text().startsWith('HTTP/1.1 200'));
  for (const { isClosed } of busy) assert.equal(isClosed(), false);
  for (const { socket } of [...busy, next]) socket.destroy();
});

test('who follows is not cut off for being silent', async (t) => {
  const api = await startApi(t, { patience });
  const tail = open(t, api.port);
  tail.socket.write(
    `GET /api/v1/logs/tail HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`,
  );
  await waitFor('the answer', () => tail.text().includes('\r\n\r\n'));
  const since = performance.now();
  await waitFor('longer than any patience', () => performance.now() > since + SLOWER_THAN_ANY_MS);
  assert.equal(tail.isClosed(), false);
  assert.equal(await api.connections(), 1);
});

const IMPORT = `POST /api/v1/import HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\ncontent-type: application/x-ndjson\r\ncontent-length: `;

test('an import may take as long as it goes on coming', async (t) => {
  const api = await startWithOrganization(t, { patience });
  const slow = open(t, api.port);
  const count = Math.ceil(SLOWER_THAN_ANY_MS / DRIP_MS);
  slow.socket.write(`${IMPORT}${count}\r\n\r\n`);
  const since = performance.now();
  let sent = 0;
  drip(t, slow.socket, () => (sent++ < count ? 'x' : ''));
  await waitFor('the answer', () => slow.text() !== '');
  assert.ok(performance.now() - since >= SLOWER_THAN_ANY_MS - 100);
  // It came whole, and is none.
  assert.match(slow.text(), /^HTTP\/1\.1 422 .*urn:hooklane:problem:invalid-import/s);
  // Having come to its end, it is treated as all others.
  await waitFor('the connection to be closed', slow.isClosed);
});

test('an import that stops coming is answered 408 and cut off, and its place is free again', async (t) => {
  const api = await startWithOrganization(t, { patience });
  for (let round = 0; round < 2; round++) {
    const stuck = Array.from({ length: 4 }, () => open(t, api.port));
    for (const { socket } of stuck) socket.write(`${IMPORT}1000\r\n\r\n{"half":`);
    for (const { isClosed, text } of stuck) {
      await waitFor('it to be cut off', isClosed);
      assert.match(text(), /^HTTP\/1\.1 408 .*urn:hooklane:problem:too-slow/s);
    }
  }
  await noConnections(api);
});

test('an export that nobody reads is cut off, and its place is free again', async (t) => {
  const api = await startWithIntegration(t, { patience });
  await api.ok(LOGS, { token: api.token, json: { message: 'm' } });
  const [posted] = await api.events('inbound');
  assert.ok(posted);
  const body = randomBytes(MUCH / 4);
  for (let n = 0; n < 60; n++) await api.log.append([{ ...posted, id: newId('in'), body }]);
  const path = `/api/v1/organizations/${api.organizationId}/export`;
  for (let round = 0; round < 2; round++) {
    const stuck = Array.from({ length: 4 }, () => open(t, api.port));
    for (const { socket } of stuck) {
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`);
    }
    await waitFor('all of them to be served', async () => (await api.connections()) === 4);
    await noConnections(api);
  }
  const whole = await api.call(path);
  assert.match(whole.text, /\n\{"end":.*\}\n$/);
});
