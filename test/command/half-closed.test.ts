// Clients that close their half of the connection once they have asked, as `nc -N` does: they get their answers, and then the
// connection is closed. By plain HTTP and by TLS.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { createHttpServer, PATIENCE, type Patience } from '../../src/command/http-server.ts';
import { createAuthority } from '../support/certificate.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { LOGS, startApi, startWithIntegration } from './api.ts';
import { ADMIN_TOKEN } from './client.ts';
import { open, type RawClient, watch } from './raw-client.ts';

/** More than the systems of both sides hold for a client that does not read. */
const MUCH_BYTES = 20_000_000;
/** Of tails, at a time. */
const MAX_TAILS = 50;

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

/** A server whose answers the test gives, in its own time. */
async function startServer(t: TestContext, isTls: boolean, patience: Partial<Patience> = {}) {
  const asked: { path: string; response: ServerResponse }[] = [];
  let tls: { cert: string; key: string } | undefined;
  if (isTls) {
    const { certFile, keyFile } = createAuthority(temporaryDirectory(t)).issue('server');
    tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }
  const server = createHttpServer(({ url: path = '' }, response) => void asked.push({ path, response }), {
    patience: { ...PATIENCE, ...patience },
    maxConnections: 100,
    tls,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await promisify(server.close.bind(server))();
  });
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    /** Who sends what and closes its half. */
    send(bytes: string): RawClient {
      if (!isTls) {
        const client = open(t, port);
        client.socket.end(bytes);
        return client;
      }
      const socket = connectTls({
        ...{ port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true },
      });
      const client = watch(t, socket);
      socket.once('secureConnect', () => socket.end(bytes));
      return client;
    },
    async connections(count: number) {
      const get = promisify(server.getConnections.bind(server));
      await waitFor(`${count} connections`, async () => (await get()) === count);
    },
  };
}

/** Waits until all that was asked is there, and that nothing more comes is known to the server as well. */
async function left({ asked }: Awaited<ReturnType<typeof startServer>>, count: number): Promise<void> {
  await waitFor(`${count} requests, and the end`, () => {
    return asked.length === count && asked.at(-1)?.response.socket?.readableEnded;
  });
}

for (const isTls of [false, true]) {
  const how = isTls ? ' (TLS)' : '';

  test(`who has closed his half is answered, however long that takes, and then closed${how}`, async (t) => {
    const server = await startServer(t, isTls);
    const client = server.send(ask('/a'));
    await left(server, 1);
    assert.equal(client.isClosed(), false);
    server.asked[0]?.response.end('answer a');
    await waitFor('it to be closed', client.isClosed);
    assert.match(client.text(), /^HTTP\/1\.1 200 OK\r\n.*answer a/s);
    await server.connections(0);
  });

  test(`who has asked twice before is answered twice, in order, and then closed${how}`, async (t) => {
    const server = await startServer(t, isTls);
    const client = server.send(ask('/a') + ask('/b'));
    await waitFor('both', () => server.asked.length === 2);
    await waitFor('the end', () => server.asked[0]?.response.socket?.readableEnded);
    server.asked[1]?.response.end('answer b');
    server.asked[0]?.response.end('answer a');
    await waitFor('it to be closed', client.isClosed);
    assert.match(client.text(), /answer a.*answer b/s);
    await server.connections(0);
  });

  test(`who has closed his half and never reads is cut off${how}`, async (t) => {
    const server = await startServer(t, isTls, { silenceMs: 600 });
    const client = server.send(ask('/a'));
    await left(server, 1);
    client.socket.pause();
    server.asked[0]?.response.end('x'.repeat(MUCH_BYTES));
    await server.connections(0);
  });

  test(`who closes his half where nothing is asked is closed at once${how}`, async (t) => {
    const server = await startServer(t, isTls);
    server.send('');
    await server.connections(0);
  });
}

test('a connection that was answered and is kept is closed as soon as its client closes his half', async (t) => {
  const api = await startApi(t);
  const { socket, text, isClosed } = open(t, api.port);
  socket.write(ask('/healthz'));
  await waitFor('the answer', () => text().endsWith('{"status":"ok"}'));
  assert.equal(isClosed(), false);
  socket.end();
  await waitFor('it to be closed', isClosed);
  await waitFor('no connection', async () => (await api.connections()) === 0);
});

test('a post whose client has closed his half is answered 201, though the log took its time', async (t) => {
  const api = await startWithIntegration(t);
  const other = new DatabaseSync(join(api.path, 'log.db'));
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const { socket, text, isClosed } = open(t, api.port);
  const head = `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${api.token}\r\n`;
  socket.end(`${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
  // One after the other: the first has been taken in by then.
  for (let n = 0; n < 3; n++) assert.equal((await api.call('/healthz')).status, 200);
  other.exec('ROLLBACK');
  await waitFor('it to be closed', isClosed);
  assert.match(text(), /^HTTP\/1\.1 201 Created\r\n.*"status":"pending"\}$/s);
  assert.equal((await api.events('inbound')).length, 1);
});

test('who follows and closes his half has gone: his place is free', async (t) => {
  const api = await startApi(t);
  const follow = `GET /api/v1/logs/tail HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`;
  for (const goes of ['later', 'at once']) {
    const clients = Array.from({ length: MAX_TAILS }, () => open(t, api.port));
    for (const { socket, text } of clients) {
      if (goes === 'at once') socket.end(follow);
      else {
        socket.write(follow);
        await waitFor('the answer', () => text().startsWith('HTTP/1.1 200 OK'));
        socket.end();
      }
    }
    for (const { isClosed } of clients) await waitFor('it to be closed', isClosed);
    await waitFor('all connections to be closed', async () => {
      // One is kept by the client of the test, where it has asked anything.
      return (await api.connections()) <= 1;
    });
  }
  const next = open(t, api.port);
  next.socket.write(follow);
  await waitFor('its answer', () => next.text() !== '');
  assert.match(next.text(), /^HTTP\/1\.1 200 OK/);
});
