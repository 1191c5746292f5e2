// What comes from a server, or goes to it, and breaks off: it must not be taken for the whole.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { CommandFailed } from '../../src/cli/failed.ts';
import { connect } from '../../src/cli/remote-server.ts';
import { exportFrom, importTo } from '../../src/cli/remote-transfer.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { TransferRefused } from '../../src/transfer/errors.ts';
import { emptyCounts, lastLineOf } from '../../src/transfer/format.ts';
import { startReceiver } from '../support/receiver.ts';

const EVENT = `${JSON.stringify({ topic: 'organizations', data: 'x'.repeat(100_000) })}\n`;
const END = `${JSON.stringify({ end: { ...emptyCounts(), pending: 7 }, sha256: 'abc' })}\n`;

/** What is exported from a server that answers so: the text, and what was in it. */
async function exported(t: TestContext, answer: (response: ServerResponse) => void) {
  const { url } = await startReceiver(t, answer);
  const connection = await connect({ url: new URL(url).origin, token: 'x' });
  const io = { onProgress: () => {}, signal: new AbortController().signal };
  const pieces = exportFrom(connection, 'org_1', io);
  let text = '';
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) text += next.value;
  return { text, counts: next.value };
}

test('an export is handed on as it comes, and says what was in it', async (t) => {
  const { text, counts } = await exported(t, (response) => void response.end(EVENT + EVENT + END));
  assert.equal(text, EVENT + EVENT + END);
  assert.deepEqual(counts, { ...emptyCounts(), pending: 7 });
});

test('an export without its end is an error, however it broke off', async (t) => {
  const wrong: [(response: ServerResponse) => void, new (...args: never[]) => Error, RegExp][] = [
    [(response) => void response.end(EVENT + EVENT), CommandFailed, /was cut off/],
    [(response) => void response.end(EVENT + END.slice(0, -1)), CommandFailed, /was cut off/],
    [(response) => void response.end(''), CommandFailed, /was cut off/],
    [
      (response) => void response.write(EVENT, () => void response.destroy()),
      CommandFailed,
      /^http.* is gone: .*export again$/,
    ],
    [
      (response) => void response.end(`${EVENT}{"failed":"acme has changed"}\n`),
      TransferRefused,
      /^acme has changed$/,
    ],
  ];
  for (const [answer, type, says] of wrong) {
    await assert.rejects(exported(t, answer), (error) => error instanceof type && says.test(error.message));
  }
});

test('an import that breaks off is to be made again; what cannot be read is said', async (t) => {
  const { url, arrivals } = await startReceiver(t, (response) => void response.destroy());
  const connection = await connect({ url: new URL(url).origin, token: 'x' });
  await assert.rejects(
    importTo(connection, import.meta.filename, () => {}),
    LogUnavailable,
  );
  const headers = arrivals[0]?.headers;
  assert.deepEqual(
    [headers?.['content-encoding'], headers?.['content-type']],
    ['gzip', 'application/x-ndjson'],
  );
  await assert.rejects(
    importTo(connection, import.meta.dirname, () => {}),
    { code: 'EISDIR' },
  );
});

test('the last line of a file is found, and what is none is not taken for it', () => {
  assert.deepEqual(lastLineOf(`${EVENT}${END}`), JSON.parse(END));
  assert.deepEqual(lastLineOf(`x"}\n${END}`), JSON.parse(END));
  for (const text of ['', '\n', EVENT, END.trim(), `${END}\n`]) assert.equal(lastLineOf(text), undefined);
});
