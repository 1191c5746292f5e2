// A server that is asked, and what is said where it does not answer as it should.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { connect, ServerAway } from '../../src/cli/remote-server.ts';
import { startReceiver } from '../support/receiver.ts';

/** Asks a server that answers so, waiting hardly. */
async function asked(t: TestContext, answer: (response: ServerResponse) => void): Promise<object> {
  const { url } = await startReceiver(t, answer);
  const { ask } = await connect({ url: new URL(url).origin, token: 'x' });
  const patience = { headersTimeout: 100, bodyTimeout: 100 };
  return ask<{ id: string }>({ method: 'GET', path: '/organizations/acme' }, { id: 'text' }, patience);
}

test('a server that takes a request and does not answer, or not to the end, is not waited for', async (t) => {
  for (const answer of [
    () => {},
    (response: ServerResponse) => void response.writeHead(200).write('{"id":'),
    (response: ServerResponse) => void response.writeHead(500).write('{"id":'),
  ]) {
    await assert.rejects(
      asked(t, answer),
      (error) => error instanceof ServerAway && /^http:\S+ does not answer; [^\n]+$/.test(error.message),
    );
  }
});

test('an answer that is cut off is told of as one', async (t) => {
  const cut = (response: ServerResponse) =>
    void response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy());
  await assert.rejects(
    asked(t, cut),
    (error) => error instanceof ServerAway && /^http:\S+ is gone: /.test(error.message),
  );
});

test('who leads on to somewhere else, or speaks no TLS, is told of in one line with what to mend', async (t) => {
  const leadsOn = (response: ServerResponse) =>
    void response.writeHead(302, { location: 'https://login.example.com/' }).end();
  await assert.rejects(asked(t, leadsOn), {
    message: /^http:\S+ leads on to https:\/\/login\.example\.com\/ \(302\); [^\n]+$/,
  });
  const { url } = await startReceiver(t);
  const { ask } = await connect({ url: new URL(url).origin.replace('http:', 'https:'), token: 'x' });
  await assert.rejects(ask({ method: 'GET', path: '/status' }, {}), {
    message: /^https:\S+ cannot be reached: [^\n]+; it speaks no TLS there: is it http:\S+\?$/,
  });
});
