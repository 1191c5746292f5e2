// What is no request of ours, or no HTTP at all: it is answered by a problem all the same.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { LOGS, startApi, startWithIntegration } from './api.ts';
import { assertProblem } from './client.ts';

test('what is no route, method or URL of ours is answered by a problem', async (t) => {
  const { call, token } = await startWithIntegration(t);
  assertProblem(await call('/', { token }), 404);
  assertProblem(await call('/api/v1/webhooks/nothing', { token, json: {} }), 404);
  assertProblem(await call('/api/v1/organizations/%zz'), 400);
  assertProblem(await call(`/api/v1/organizations/${'x'.repeat(5_000)}`), 414);
  for (const [method, path, allow] of [
    ['GET', LOGS, 'POST'],
    ['DELETE', LOGS, 'POST'],
    ['PUT', '/api/v1/organizations', 'GET, HEAD, POST'],
    ['POST', '/api/v1/status', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['DELETE', '/api/v1/organizations/default/export', 'GET'],
    // What has a name of its own is no thing of that id.
    ['GET', '/api/v1/deliveries/retry', 'POST'],
    ['DELETE', '/api/v1/keys/reseal', 'POST'],
  ] as const) {
    const answer = await call(path, { method, token });
    assertProblem(answer, 405);
    assert.equal(answer.headers.allow, allow);
  }
});

test('the body of what has no route is not looked at', async (t) => {
  const { call, token } = await startWithIntegration(t);
  const headers = { 'content-type': 'application/json' };
  for (const raw of ['{', `"${'x'.repeat(300_000)}"`]) {
    assertProblem(await call('/api/v1/nothing', { method: 'POST', token, headers, raw }), 404);
    assertProblem(await call('/api/v1/status', { method: 'POST', token, headers, raw }), 405);
  }
});

test('what is not HTTP is answered by a problem, and the connection closed', async (t) => {
  const { port } = await startApi(t);
  const statuses = {
    'nonsense\r\n\r\n': 400,
    'POST /api/v1/webhooks/logs HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n': 400,
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]: 431,
    'BREW / HTTP/1.1\r\nhost: a\r\n\r\n': 400,
    'GET /healthz HTTP/1.1\r\n\r\n': 400,
    'GET /healthz HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n': 400,
    'PROPFIND /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n': 405,
    'PROPFIND /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n': 404,
    'MKCOL /api/v1/logs/log_1?x=/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n': 405,
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n': 400,
    'GET /healthz HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\n\r\n': 417,
  };
  for (const [bytes, status] of Object.entries(statuses)) {
    const answer = await exchange(port, bytes);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    assert.match(answer, /content-type: application\/problem\+json/i);
    assert.match(answer, new RegExp(`\\{"type":"urn:hooklane:problem:.*"status":${status},"detail":".+"\\}`));
  }
});

test('a client that goes away in the middle of a body leaves nothing behind', async (t) => {
  const { port, call, events, token } = await startWithIntegration(t);
  const head = `POST ${LOGS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n`;
  const type = 'content-type: application/json\r\n';
  for (const length of ['content-length: 100\r\n', 'transfer-encoding: chunked\r\n']) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.end(`${head}${type}${length}\r\n2\r\n{}\r\n`);
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal((await call(LOGS, { token, json: {} })).status, 201);
  assert.equal((await events('inbound')).length, 1);
});

test('who waits for leave to send a body is given it', async (t) => {
  const { port, token } = await startWithIntegration(t);
  const headers = `host: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  const wish = 'expect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n';
  const answer = await exchange(port, `POST ${LOGS} HTTP/1.1\r\n${headers}${wish}\r\n{}`);
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
});

test('a post before what is not HTTP is answered first, by itself', async (t) => {
  const { port, token, events } = await startWithIntegration(t);
  const headers = `host: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  const post = `POST ${LOGS} HTTP/1.1\r\n${headers}content-length: 2\r\n\r\n{}`;
  const begun = `POST ${LOGS} HTTP/1.1\r\n${headers}transfer-encoding: chunked\r\n\r\n`;
  for (const [bytes, statuses] of [
    [`${post}nonsense\r\n\r\n`, '201 400'],
    [`${post}${post}\0`, '201 201 400'],
    [`${post}${begun}nonsense\r\n`, '201 400'],
    [`${begun}nonsense\r\n`, '400'],
  ] as const) {
    const answer = await exchange(port, bytes);
    const found = [...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
    assert.equal(found.join(' '), statuses);
  }
  assert.equal((await events('inbound')).length, 4);
});

/** Writes bytes to the server and gives back all that it answers until it closes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(bytes);
    socket
      .setEncoding('utf8')
      .on('data', (chunk) => {
        answer += chunk;
      })
      .on('close', () => resolve(answer))
      .on('error', reject);
  });
}

test('every answer bears an id of its request: the one that came, or one of its own', async (t) => {
  const { call } = await startApi(t);
  const idsOf = async (given?: string) => {
    const headers = given === undefined ? {} : { 'x-request-id': given };
    const answers = await Promise.all(
      ['/healthz', '/nowhere', '/%zz'].map((path) => call(path, { headers })),
    );
    return answers.map(({ headers: answered }) => String(answered['x-request-id']));
  };
  const given = 'abc-1.2:3/4+5=';
  assert.deepEqual(await idsOf(given), [given, given, given]);
  for (const refused of [undefined, 'a b', 'x'.repeat(129), '"quoted"']) {
    const ids = await idsOf(refused);
    for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(new Set(ids).size, ids.length);
  }
});
