import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createDestinations } from '../../src/destinations.ts';
import { createSender } from '../../src/dispatch/send.ts';
import { signature, signingKey } from '../../src/dispatch/sign.ts';
import { createTransport, type Resolve } from '../../src/dispatch/transport.ts';
import { newSigningSecret } from '../../src/secrets.ts';
import { processTime } from '../../src/time.ts';
import { startProxy } from '../support/proxy.ts';
import { ANSWER_OK, startRawReceiver } from '../support/raw-receiver.ts';
import { startReceiver } from '../support/receiver.ts';
import { body, requestTo, secrets, senderFor, signingSecret } from './sending.ts';

test('a request bears the headers of the design, the body as it is, and a signature over both', async (t) => {
  const send = senderFor(t);
  const { url, arrivals } = await startReceiver(t);
  const outcome = await send(url);
  assert.equal(outcome.failure, null);
  assert.equal(outcome.responseCode, 200);
  assert.equal(outcome.responseBody, 'ok');
  const [arrival] = arrivals;
  assert.ok(arrival);
  assert.equal(arrival.method, 'POST');
  assert.equal(arrival.path, '/hook?a=1');
  assert.equal(arrival.body, body.toString('utf8'));
  const { headers } = arrival;
  assert.equal(headers.authorization, 'Bearer orgs_secret');
  assert.equal(headers['content-type'], 'application/json');
  assert.match(headers['user-agent'] ?? '', /^Hooklane\/\d+\.\d+\.\d+/);
  assert.equal(headers['x-rails-webhook-gap'], '5');
  assert.equal(headers['x-webhook-omitted'], '3');
  assert.equal(headers['webhook-id'], 'wh_1');
  const timestamp = Number(headers['webhook-timestamp']);
  assert.ok(Math.abs(timestamp - Date.now() / 1000) < 60);
  assert.equal(headers['webhook-signature'], signature([signingKey(signingSecret)], 'wh_1', timestamp, body));
});

test('of an answer that repeats the publicSecret it was sent nothing of that is kept', async (t) => {
  const send = senderFor(t);
  // Once in full, and once where the answer is cut.
  for (const before of [0, 1_000, 1_020, 1_023, 1_024]) {
    const { url } = await startReceiver(t, (response, { headers }) => {
      response.end(`${'x'.repeat(before)}${headers.authorization} and more`);
    });
    const { responseBody } = await send(url);
    assert.ok(!responseBody?.includes('orgs_'), responseBody ?? '');
    assert.ok((responseBody?.length ?? 0) <= 1_024);
    if (before === 0) assert.equal(responseBody, 'Bearer [Filtered] and more');
  }
  // Many times, so that what is put in its place leaves room for where it was cut.
  for (let before = 0; before < 'Bearer orgs_secret '.length; before++) {
    const { url } = await startReceiver(t, (response, { headers }) => {
      response.end('x'.repeat(before) + `${headers.authorization} `.repeat(200));
    });
    assert.doesNotMatch(
      (await send(url, { organizationSecret: secrets.seal(`orgs_${'s'.repeat(32)}`) })).responseBody ?? '',
      /orgs_/,
    );
  }
});

test('every 2xx is a success, and nothing else', async (t) => {
  const send = senderFor(t);
  for (const code of [200, 201, 204, 299]) {
    const { url } = await startReceiver(t, (response) => response.writeHead(code).end());
    assert.equal((await send(url)).failure, null, String(code));
  }
  for (const code of [400, 404, 410, 500, 503]) {
    const { url } = await startReceiver(t, (response) => response.writeHead(code).end());
    const { failure, responseCode } = await send(url);
    assert.deepEqual(failure, { error: 'status', detail: `answered ${code}` });
    assert.equal(responseCode, code);
  }
});

test('an answer that has no body counts, whatever length it says that its body has', async (t) => {
  const send = senderFor(t);
  const answering = async (answer: string) => {
    const { url } = await startRawReceiver(t, (socket) => socket.end(answer));
    return send(url);
  };
  for (const rest of ['', 'ok']) {
    const { failure, responseCode } = await answering(
      `HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n${rest}`,
    );
    assert.deepEqual([failure, responseCode], [null, 204]);
  }
  const unchanged = await answering('HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n');
  assert.deepEqual([unchanged.failure?.error, unchanged.responseCode], ['redirect', 304]);
  const cut = await answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no');
  assert.equal(cut.failure?.error, 'reset', 'one that should have a body does not');
});

test('what an attempt tells of an answer that is none is one plain line', async (t) => {
  const send = senderFor(t);
  const told: [answer: string, error: string, detail: string][] = [
    ['000 Nothing', 'network', 'answered 000, which is no status of HTTP'],
    ['042 Nothing\r\ncontent-length: 2\r\n\r\nok', 'network', 'answered 042, which is no status of HTTP'],
    ['100 Continue', 'status', 'answered 100, which nobody asked for'],
    ['101 Switching Protocols', 'status', 'answered 101, which nobody asked for'],
    [
      '101 Switching\r\nconnection: upgrade\r\nupgrade: h2c',
      'status',
      'answered 101, which nobody asked for',
    ],
    ['102 Processing', 'reset', 'other side closed'],
    ['20 Short', 'network', 'Response does not match the HTTP/1.1 protocol (Invalid status code)'],
  ];
  for (const [answer, error, detail] of told) {
    const { url } = await startRawReceiver(t, (socket) => socket.end(`HTTP/1.1 ${answer}\r\n\r\n`));
    const { failure, responseCode, responseBody } = await send(url);
    assert.deepEqual(
      { failure, responseCode, responseBody },
      { failure: { error, detail }, responseCode: null, responseBody: null },
    );
  }
});

test('what comes before an answer is none', async (t) => {
  const send = senderFor(t);
  const { url } = await startRawReceiver(t, (socket) =>
    socket.write(`HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n${ANSWER_OK}`),
  );
  const { failure, responseCode, responseBody, retryAfterMs } = await send(url);
  assert.deepEqual(
    { failure, responseCode, responseBody, retryAfterMs },
    { failure: null, responseCode: 200, responseBody: 'ok', retryAfterMs: null },
  );
  const { url: endless } = await startRawReceiver(t, (socket) =>
    socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'),
  );
  const outcome = await send(endless, { timeoutMs: 150 });
  assert.deepEqual([outcome.failure?.error, outcome.responseCode], ['timeout', null]);
});

test('a redirect is not followed', async (t) => {
  const send = senderFor(t);
  const elsewhere = await startReceiver(t);
  const { url } = await startReceiver(t, (response) =>
    response.writeHead(307, { location: elsewhere.url }).end(),
  );
  assert.equal((await send(url)).failure?.error, 'redirect');
  assert.equal(elsewhere.arrivals.length, 0);
});

test('a receiver that never answers fails the attempt when its time is over', async (t) => {
  const send = senderFor(t);
  const { url } = await startReceiver(t, () => {});
  const { failure, responseCode, durationMs } = await send(url, { timeoutMs: 150 });
  assert.deepEqual(failure, { error: 'timeout', detail: 'no complete answer within 150ms' });
  assert.equal(responseCode, null);
  assert.ok(durationMs >= 100);
});

test('a receiver that drips its answer does not get more time for it', async (t) => {
  const send = senderFor(t);
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  });
  const { failure, responseCode } = await send(url, { timeoutMs: 200 });
  assert.equal(failure?.error, 'timeout');
  assert.equal(responseCode, 200);
});

test('of an endless answer only so much is read, and its status counts', async (t) => {
  const send = senderFor(t);
  let written = 0;
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(16 * 1024, 'x');
    const write = () => {
      while (!response.destroyed) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', write);
      }
    };
    write();
  });
  const { failure, responseBody } = await send(url);
  assert.equal(failure, null);
  assert.equal(responseBody, 'x'.repeat(1024));
  assert.ok(written < 64 * 1024 * 1024);
});

test('a refused and a cut connection are told apart', async (t) => {
  const send = senderFor(t);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  assert.equal((await send(`http://127.0.0.1:${port}/`)).failure?.error, 'reset');
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await send(`http://127.0.0.1:${port}/`)).failure?.error, 'refused');
});

test('a name that cannot be resolved is told apart', async (t) => {
  const send = senderFor(t);
  assert.equal((await send('http://hooklane.invalid/')).failure?.error, 'dns');
});

test('a request whose time is over before it could leave does not leave', async (t) => {
  const send = senderFor(t);
  const { url, arrivals } = await startReceiver(t);
  const { failure } = await send(url, { startsAtMs: Date.now() - 5_000 });
  assert.equal(failure?.error, 'interrupted');
  await send(url);
  assert.equal(arrivals.length, 1);
});

test('connections are reused', async (t) => {
  const send = senderFor(t);
  const ports = new Set<number | undefined>();
  const { url } = await startReceiver(t, (response, request) => {
    ports.add(request.socket.remotePort);
    response.end();
  });
  for (let i = 0; i < 10; i++) await send(url);
  // An outcome is known a moment before its connection is free again, so the next request may open a second one.
  assert.ok(ports.size <= 2);
});

/** Resolves every name to these addresses. */
function resolvingTo(...addresses: string[]): typeof lookup {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const resolve: Resolve = (_name, _options, callback) => callback(null, found);
  return resolve as typeof lookup;
}

test('an address that is not allowed is refused before anything leaves, and a name by what it resolves to', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const { port } = new URL(url);
  const publicOnly = senderFor(t, { allowAddresses: [] });
  assert.deepEqual((await publicOnly(url)).failure, {
    error: 'address',
    detail: '127.0.0.1 is a loopback address',
  });
  const { failure } = await publicOnly(`http://localhost:${port}/`);
  assert.equal(failure?.error, 'address');
  assert.match(
    failure?.detail ?? '',
    /^localhost is refused by what it resolves to: .*is a loopback address/,
  );
  const toPrivate = senderFor(t, { allowAddresses: [], resolve: resolvingTo('10.0.0.1', 'fd00::1') });
  assert.deepEqual((await toPrivate('http://hook.test/')).failure, {
    error: 'address',
    detail:
      'hook.test is refused by what it resolves to: 10.0.0.1 is a private address, fd00::1 is a private address',
  });
  assert.equal(arrivals.length, 0);
});

test('of the addresses of a name those that are allowed are used', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const send = senderFor(t, { resolve: resolvingTo('10.0.0.1', '127.0.0.1') });
  assert.equal((await send(`http://hook.test:${new URL(url).port}/`)).failure, null);
  assert.equal(arrivals.length, 1);
});

test('the socket that is connected is looked at as well: a resolver that lies gains nothing', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  // Named as a public address it passes the look at the name; where it leads shows only at the socket.
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: [] });
  let looks = 0;
  const refusalOfAddress = (address: string) =>
    looks++ === 0 ? undefined : destinations.refusalOfAddress(address);
  const transport = createTransport({ refusalOfAddress }, { resolve: resolvingTo('127.0.0.1') });
  const sender = createSender({ secrets, time: processTime(), transport, destinations });
  t.after(() => sender.close());
  const request = requestTo(`http://hook.test:${new URL(url).port}/`);
  const { failure } = await sender.send(request);
  assert.equal(failure?.error, 'address');
  assert.match(failure?.detail ?? '', /^connected to .* is a loopback address$/);
  assert.equal(arrivals.length, 0);
});

test('where https is required, http is refused', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const send = senderFor(t, { httpsOnly: true });
  assert.equal((await send(url)).failure?.error, 'url');
  assert.equal(arrivals.length, 0);
});

test('an answer says when it wants to be asked again', async (t) => {
  const send = senderFor(t);
  const { url } = await startReceiver(t, (response) => response.writeHead(503, { 'retry-after': '7' }).end());
  assert.equal((await send(url)).retryAfterMs, 7_000);
});

test('a receiver that speaks no TLS where it should is told apart', async (t) => {
  const send = senderFor(t);
  const { url } = await startReceiver(t);
  assert.equal((await send(url.replace('http:', 'https:'))).failure?.error, 'tls');
});

test('every secret that is valid signs', async (t) => {
  const send = senderFor(t);
  const { url, arrivals } = await startReceiver(t);
  const old = newSigningSecret();
  await send(url, { signingSecrets: [signingSecret, old].map(secrets.seal) });
  const [arrival] = arrivals;
  assert.ok(arrival);
  const { headers } = arrival;
  const timestamp = Number(headers['webhook-timestamp']);
  const keys = [signingSecret, old].map(signingKey);
  assert.equal(headers['webhook-signature'], signature(keys, 'wh_1', timestamp, body));
});

test('where a proxy is configured it connects, and addresses in URLs are refused as ever', async (t) => {
  const { url, arrivals } = await startReceiver(t);
  const { proxy, asked } = await startProxy(t, url);
  const send = senderFor(t, { allowAddresses: [], proxy });
  assert.equal((await send('http://hook.test/')).failure, null);
  assert.deepEqual([asked, arrivals.length], [['hook.test:80'], 1]);
  assert.equal((await send('http://10.0.0.1/')).failure?.error, 'address');
});
