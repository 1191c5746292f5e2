// Connections that are kept, and receivers that close them as the next request comes.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Outcome } from '../../src/dispatch/lane.ts';
import { startProxy } from '../support/proxy.ts';
import { ANSWER_OK, startRawReceiver } from '../support/raw-receiver.ts';
import { senderFor } from './sending.ts';

/** How a receiver may cut a connection. */
const CUTS: Record<string, (socket: Socket) => void> = {
  'ends it': (socket) => socket.end(),
  'destroys it': (socket) => socket.destroy(),
  'resets it': (socket) => socket.resetAndDestroy(),
};

/** A receiver that answers the first request of each connection, and cuts it at the second. */
function startCutting(t: TestContext, cut: (socket: Socket) => void) {
  return startRawReceiver(t, (socket, nth) => {
    if (nth === 1) socket.write(ANSWER_OK);
    else cut(socket);
  });
}

/**
 * The first failure of requests one after the other. An outcome is known a moment before its connection is free again, so not
 * each of them leaves by one that was kept.
 */
async function firstFailure(send: () => Promise<Outcome>): Promise<Outcome['failure']> {
  for (let sent = 0; sent < 10; sent++) {
    const { failure } = await send();
    if (failure !== null) return failure;
  }
  return null;
}

const CLOSED = {
  error: 'closed',
  detail: 'the receiver closed a connection that was kept from an earlier request',
};

for (const [how, cut] of Object.entries(CUTS)) {
  test(`where a receiver ${how} as a request comes by a connection that was kept, that is told apart`, async (t) => {
    const { url } = await startCutting(t, cut);
    const send = senderFor(t);
    assert.deepEqual(await firstFailure(() => send(url)), CLOSED);
  });
}

test('a new connection that is cut is no connection that was kept', async (t) => {
  const { url } = await startRawReceiver(t, (socket) => socket.destroy());
  const send = senderFor(t);
  assert.equal((await send(url)).failure?.error, 'reset');
  assert.equal((await send(url)).failure?.error, 'reset');
});

test('a kept connection that is cut in the middle of an answer is cut as any other', async (t) => {
  const { url } = await startRawReceiver(t, (socket, nth) => {
    if (nth === 1) socket.write(ANSWER_OK);
    else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no');
  });
  const send = senderFor(t);
  const failure = await firstFailure(() => send(url));
  assert.notEqual(failure, null);
  assert.notEqual(failure?.error, 'closed');
});

test('a request that is to reconnect leaves by a connection of its own, and none is kept of it', async (t) => {
  const receiver = await startCutting(t, (socket) => socket.destroy());
  const send = senderFor(t);
  await send(receiver.url);
  for (let sent = 0; sent < 5; sent++) {
    assert.equal((await send(receiver.url, { reconnects: true })).failure, null);
  }
  assert.equal(receiver.connections, 6);
  assert.match(receiver.heads.at(-1) ?? '', /^connection: close\r$/m);
});

test('a kept connection that is reset before a request has left by it costs nothing', async (t) => {
  const idle: Socket[] = [];
  const receiver = await startRawReceiver(t, (socket) => {
    socket.write(ANSWER_OK);
    idle.push(socket);
  });
  const send = senderFor(t);
  await send(receiver.url);
  await new Promise((resolve) => setImmediate(resolve));
  // It is free by now. That it is reset is known while the next request waits for undici to look at it.
  for (const socket of idle) socket.resetAndDestroy();
  assert.equal((await send(receiver.url)).failure, null);
  assert.equal(receiver.connections, 2);
});

test('connections through a proxy are told apart as well', async (t) => {
  const { url } = await startCutting(t, (socket) => socket.destroy());
  const { proxy } = await startProxy(t, url);
  const send = senderFor(t, { proxy });
  assert.deepEqual(await firstFailure(() => send('http://hook.test/')), CLOSED);
  assert.equal((await send('http://hook.test/', { reconnects: true })).failure, null);
  const cutting = await startRawReceiver(t, (socket) => socket.destroy());
  const toCutting = senderFor(t, await startProxy(t, cutting.url));
  assert.equal((await toCutting('http://hook.test/')).failure?.error, 'reset');
});
