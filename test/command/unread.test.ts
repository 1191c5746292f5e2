// Who is refused before his body has come learns why, however much of it he sends first; and is waited for no longer than
// there is time for that.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { waitFor } from '../support/wait.ts';
import { type Api, LOGS, type Made, startApi, startWithIntegration } from './api.ts';
import { open, type RawClient } from './raw-client.ts';

/** More than there is room for in the buffers of both sides. */
const LARGE_BYTES = 12_000_000;
/** More than is read of what nobody wants. */
const TOO_LARGE_BYTES = 17_000_000;

interface Post {
  token: string;
  lines: string;
}

function post(t: TestContext, { port }: Api, { token, lines }: Post): RawClient {
  const client = open(t, port);
  client.socket.write(
    `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n${lines}\r\n`,
  );
  return client;
}

/** Whether all of it could be written: as clients that read nothing before that. */
async function writes({ socket }: RawClient, bytes: Buffer): Promise<boolean> {
  socket.pause();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.write(bytes, (error) => resolve(error === null || error === undefined));
  const isWritten = await promise;
  socket.resume();
  return isWritten;
}

const REFUSED: Record<string, { post: (made: Made) => Post; status: number }> = {
  'is too large, by its length': {
    post: ({ token }) => ({ token, lines: `content-length: ${LARGE_BYTES}\r\n` }),
    status: 413,
  },
  'is too large, and whose client closes behind it': {
    post: ({ token }) => ({ token, lines: `connection: close\r\ncontent-length: ${LARGE_BYTES}\r\n` }),
    status: 413,
  },
  'comes with a wrong token': {
    post: () => ({ token: 'x', lines: `connection: close\r\ncontent-length: ${LARGE_BYTES}\r\n` }),
    status: 401,
  },
};

for (const [what, { post: of, status }] of Object.entries(REFUSED)) {
  test(`a body that ${what} can be written whole, and then it is read why not`, async (t) => {
    const api = await startWithIntegration(t, { patience: { lingerMs: 20_000 } });
    const client = post(t, api, of(api));
    assert.equal(await writes(client, Buffer.alloc(LARGE_BYTES, ' ')), true);
    await waitFor('the answer', () => client.text().endsWith('}'));
    assert.match(client.text(), new RegExp(`^HTTP/1\\.1 ${status} .*"status":${status}`, 's'));
  });
}

test('so can one in chunks, and one that is packed', async (t) => {
  const api = await startWithIntegration(t, { patience: { lingerMs: 20_000 } });
  const { token } = api;
  const chunked = post(t, api, { token, lines: 'connection: close\r\ntransfer-encoding: chunked\r\n' });
  const chunk = Buffer.concat([Buffer.from('186a0\r\n'), Buffer.alloc(100_000, ' '), Buffer.from('\r\n')]);
  const body = Buffer.concat([...Array.from({ length: 100 }, () => chunk), Buffer.from('0\r\n\r\n')]);
  assert.equal(await writes(chunked, body), true);
  const packed = gzipSync(Buffer.alloc(LARGE_BYTES, ' '), { level: 0 });
  const lines = `connection: close\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n`;
  const unpacked = post(t, api, { token, lines });
  assert.equal(await writes(unpacked, packed), true);
  for (const { text } of [chunked, unpacked]) {
    await waitFor('the answer', () => text().endsWith('}'));
    assert.match(text(), /^HTTP\/1\.1 413 /);
  }
});

test('a connection whose refused body has come is used on', async (t) => {
  const api = await startApi(t, { patience: { lingerMs: 20_000 } });
  const client = post(t, api, { token: 'x', lines: 'content-length: 1000000\r\n' });
  client.socket.write(Buffer.alloc(1_000_000, ' '));
  client.socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
  await waitFor('the next answer', () => client.text().endsWith('{"status":"ok"}'));
  assert.match(client.text(), /^HTTP\/1\.1 401 .*HTTP\/1\.1 200 /s);
});

test('who does not send the body that was refused is answered at once, and then closed', async (t) => {
  const api = await startApi(t, { patience: { lingerMs: 100 } });
  const client = post(t, api, { token: 'x', lines: 'content-length: 1000\r\n' });
  await waitFor('the answer', () => client.text().endsWith('}'));
  assert.match(client.text(), /^HTTP\/1\.1 401 /);
  await waitFor('it to be closed', client.isClosed);
  await waitFor('no connection', async () => (await api.connections()) === 0);
});

test('one who sends far more is told that it will be closed, and it is', async (t) => {
  const api = await startWithIntegration(t, { patience: { lingerMs: 600_000 } });
  const length = 10 * TOO_LARGE_BYTES;
  const client = post(t, api, { token: 'x', lines: `content-length: ${length}\r\n` });
  await waitFor('the answer', () => client.text().endsWith('}'));
  assert.match(client.text(), /^HTTP\/1\.1 401 .*\r\nconnection: close\r\n/s);
  client.socket.write(Buffer.alloc(TOO_LARGE_BYTES, ' '));
  await waitFor('it to be closed', client.isClosed);
});

test('who asks whether to go on is told so when his body is wanted, and else why not', async (t) => {
  const api = await startWithIntegration(t, { patience: { lingerMs: 100 } });
  const ask = (token: string, length: number) =>
    post(t, api, { token, lines: `expect: 100-continue\r\ncontent-length: ${length}\r\n` });
  const wanted = ask(api.token, 2);
  await waitFor('it', () => wanted.text() === 'HTTP/1.1 100 Continue\r\n\r\n');
  wanted.socket.write('{}');
  await waitFor('the answer', () => wanted.text().endsWith('"pending"}'));
  assert.match(wanted.text(), /\r\n\r\nHTTP\/1\.1 201 /);
  for (const [token, length, status] of [
    ['x', 2, 401],
    [api.token, 1_000_000, 413],
  ] as const) {
    const refused = ask(token, length);
    await waitFor('it to be closed', refused.isClosed);
    assert.match(refused.text(), new RegExp(`^HTTP/1\\.1 ${status} .*\r\nconnection: close\r\n.*\\}$`, 's'));
  }
});
