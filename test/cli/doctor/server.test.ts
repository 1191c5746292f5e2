import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { examineServer, judgePort, judgeRemote, type Probe, probe } from '../../../src/cli/doctor/server.ts';
import { loadConfig, urlOf } from '../../../src/config.ts';
import { startApi } from '../../command/api.ts';
import { ADMIN_TOKEN } from '../../command/client.ts';
import { freePort } from '../../support/server.ts';

const READY: Probe = { type: 'hooklane', notReady: undefined, atMs: 60_000, tokenTaken: true };
const URL = 'http://a:1';

test('the port is judged by who listens there, and by whether the log is worked off', () => {
  const cases: [Probe, served: boolean | undefined, state: string][] = [
    [{ type: 'refused' }, false, 'ok'],
    [{ type: 'refused' }, undefined, 'ok'],
    [{ type: 'refused' }, true, 'warning'],
    [READY, true, 'ok'],
    [READY, undefined, 'ok'],
    [READY, false, 'warning'],
    [{ ...READY, notReady: 'log' }, true, 'problem'],
    [{ type: 'stranger' }, false, 'problem'],
    [{ type: 'failed', error: 'x' }, false, 'problem'],
  ];
  for (const [found, served, state] of cases)
    assert.equal(judgePort(URL, found, served).state, state, JSON.stringify([found, served]));
});

test('the server that is to be asked must be there, be ready and take the token; clocks may differ by 2 s', () => {
  const states = (found: Probe, nowMs = 60_000) =>
    judgeRemote(URL, found, nowMs).map(({ name, state }) => `${state} ${name}`);
  assert.deepEqual(states(READY), ['ok HOOKLANE_URL']);
  for (const type of ['refused', 'stranger'] as const)
    assert.deepEqual(states({ type }), ['problem HOOKLANE_URL']);
  assert.deepEqual(states({ type: 'failed', error: 'x' }), ['problem HOOKLANE_URL']);
  assert.deepEqual(states({ ...READY, tokenTaken: false }), ['ok HOOKLANE_URL', 'problem HOOKLANE_TOKEN']);
  assert.deepEqual(states(READY, 61_900), ['ok HOOKLANE_URL', `ok clock of ${URL}`]);
  assert.deepEqual(states(READY, 50_000), ['ok HOOKLANE_URL', `warning clock of ${URL}`]);
});

test('a server that listens everywhere is looked for here', () => {
  assert.equal(urlOf({ tls: undefined, host: '0.0.0.0', port: 1 }), 'http://127.0.0.1:1');
  assert.equal(urlOf({ tls: undefined, host: '::', port: 1 }), 'http://[::1]:1');
  assert.equal(urlOf({ tls: undefined, host: 'example.com', port: 1 }), 'http://example.com:1');
});

// ── real ports ──────────────────────────────────────────────────────────────────────────────────────────────

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('Hooklane is known by its answers, with its clock, and with whether it takes the token', async (t) => {
  const { port } = await startApi(t);
  const url = `http://127.0.0.1:${port}`;
  const found = await probe(url, { token: ADMIN_TOKEN });
  assert.ok(found.type === 'hooklane');
  assert.deepEqual([found.notReady, found.tokenTaken], [undefined, true]);
  assert.ok(Math.abs((found.atMs ?? 0) - Date.now()) < 60_000);
  const refused = await probe(url, { token: 'admin_wrong' });
  assert.ok(refused.type === 'hooklane' && refused.tokenTaken === false);
  const unasked = await probe(url);
  assert.ok(unasked.type === 'hooklane' && unasked.tokenTaken === undefined);
});

test('what is not ready is told', async (t) => {
  const { port } = await startApi(t, { notReady: async () => [{ part: 'views', detail: 'away' }] });
  const found = await probe(`http://127.0.0.1:${port}`);
  assert.ok(found.type === 'hooklane');
  assert.equal(found.notReady, 'Not ready: views.');
});

test('others are told from Hooklane, and from nobody', async (t) => {
  const web = createHttpServer((_, response) => response.end('{"status":"fine"}'));
  assert.deepEqual(await probe(await listen(t, web)), { type: 'stranger' });
  const notHttp = createServer((socket) => socket.end('220 mail.example ESMTP\r\n').on('error', () => {}));
  assert.deepEqual(await probe(await listen(t, notHttp)), { type: 'stranger' });
  const rude = createServer((socket) => socket.destroy());
  assert.equal((await probe(await listen(t, rude))).type, 'failed');
  assert.deepEqual(await probe(`http://127.0.0.1:${await freePort()}`), { type: 'refused' });
  assert.equal((await probe('http://nowhere.invalid:1')).type, 'failed');
});

test('where commands are to ask is held against what they take, and asked', async (t) => {
  const { port } = await startApi(t);
  const url = `http://127.0.0.1:${port}`;
  const config = loadConfig({ PORT: '0' });
  const look = async (env: Record<string, string>) => {
    const checks = await examineServer(config, { env, served: false, nowMs: Date.now() });
    return checks.map(({ state, name }) => `${state} ${name}`).filter((line) => line !== 'ok port');
  };
  assert.deepEqual(await look({}), []);
  assert.deepEqual(await look({ HOOKLANE_URL: url, HOOKLANE_TOKEN: ADMIN_TOKEN }), ['ok HOOKLANE_URL']);
  assert.deepEqual(await look({ HOOKLANE_URL: url, HOOKLANE_TOKEN: 'wrong' }), [
    'ok HOOKLANE_URL',
    'problem HOOKLANE_TOKEN',
  ]);
  assert.deepEqual(await look({ HOOKLANE_URL: url }), ['problem HOOKLANE_TOKEN']);
  for (const wrong of ['nowhere', 'ftp://a.example', 'http://user@a.example', 'http://a.example?a=1'])
    assert.deepEqual(await look({ HOOKLANE_URL: wrong, HOOKLANE_TOKEN: 'x' }), ['problem HOOKLANE_URL']);
});
