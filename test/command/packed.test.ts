// Posts that were packed (content-encoding): what is unpacked of them counts, and what cannot be is refused.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { waitFor } from '../support/wait.ts';
import { LOGS, startWithIntegration } from './api.ts';
import { assertProblem } from './client.ts';
import { open } from './raw-client.ts';

test('a body that was packed is kept as what it is unpacked', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const raw = Buffer.from(JSON.stringify({ message: 'packed '.repeat(1_000) }));
  const packed = { gzip: gzipSync(raw), deflate: deflateSync(raw), GZIP: gzipSync(raw), identity: raw };
  for (const [encoding, body] of Object.entries(packed)) {
    for (const sent of [body, Readable.from([body.subarray(0, 9), body.subarray(9)])]) {
      const headers = { 'content-encoding': encoding, 'content-type': 'application/json' };
      assert.equal((await call(LOGS, { token, raw: sent, headers })).status, 201, encoding);
    }
  }
  assert.deepEqual(
    (await events('inbound')).map((event) => event.type === 'LogReceived' && event.body.equals(raw)),
    Array(8).fill(true),
  );
});

test('a packed body that is refused leaves its connection as it was, and so does one that cannot be unpacked leave the answer', async (t) => {
  const { port, token } = await startWithIntegration(t);
  const body = Buffer.alloc(256 * 1024, ' ');
  const head = `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-encoding: deflate\r\n`;
  const { socket, text, isClosed } = open(t, port);
  for (const type of ['text/plain', 'application/json']) {
    socket.write(`${head}content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body);
  }
  await waitFor('it to be closed', isClosed);
  assert.match(text(), /^HTTP\/1\.1 415 .*HTTP\/1\.1 400 .*not-unpacked.*\}$/s);
});

test('what is unpacked may be 256 KiB; no bomb goes off', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const post = (raw: Buffer) => call(LOGS, { token, raw, headers: { 'content-encoding': 'gzip' } });
  const text = (length: number) => `{"m":"${'a'.repeat(length - 8)}"}`;
  assert.equal((await post(gzipSync(text(256 * 1024)))).status, 201);
  assertProblem(await post(gzipSync(text(256 * 1024 + 1))), 413);
  // A gigabyte in a megabyte would be 413 by its own length already.
  const before = process.memoryUsage().rss;
  const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, ' '));
  assert.ok(bomb.length < 256 * 1024);
  const grownBy = process.memoryUsage().rss - before;
  assertProblem(await post(bomb), 413);
  assert.ok(process.memoryUsage().rss - before - grownBy < 50 * 1024 * 1024);
  assert.equal((await events('inbound')).length, 1);
});

test('what is not packed as it says is answered 400, an unknown way of packing 415', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const post = (raw: string | Buffer, encoding: string) =>
    call(LOGS, { token, raw, headers: { 'content-encoding': encoding } });
  const packed = gzipSync('{"message":"x"}');
  for (const [raw, encoding] of [
    ['{}', 'gzip'],
    ['x'.repeat(200_000), 'gzip'],
    [packed.subarray(0, -4), 'gzip'],
    [packed, 'deflate'],
    ['{}', 'X-GZIP'],
  ] as const) {
    const refused = await post(raw, encoding);
    assertProblem(refused, 400);
    assert.equal(refused.body?.type, 'urn:hooklane:problem:not-unpacked');
    const told = encoding === 'deflate' ? 'deflate' : 'gzip';
    assert.equal(refused.body?.detail, `The body is not ${told}, or was cut off.`);
  }
  for (const encoding of ['br', 'gzip, gzip', 'x', '*']) {
    const refused = await post(packed, encoding);
    assertProblem(refused, 415);
    assert.equal(refused.headers['accept-encoding'], 'gzip, deflate');
  }
  assert.equal((await events('inbound')).length, 0);
});
