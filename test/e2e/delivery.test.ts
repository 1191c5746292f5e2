// Delivery as subscribers and operators meet it: retries, digests, secrets, addresses, endpoints that are gone, and
// what operators do about it. Each through the command line, HTTP and real receivers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { request } from 'undici';
import { loadConfig } from '../../src/config.ts';
import { openLog } from '../../src/open.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { type Arrival, startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { enginesOf, testOnAllEngines } from './engines.ts';
import {
  ask,
  askList,
  type Environment,
  type Fields,
  list,
  run,
  type Serving,
  serve,
  start,
  stop,
  within,
} from './hooklane.ts';

interface Running {
  directory: string;
  env: Environment;
  server: Serving;
}

async function begin(t: TestContext, env: Environment = {}): Promise<Running> {
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory, { env });
  return { directory, env: { HOOKLANE_DATA: directory, ...env }, server };
}

function createEndpoint(t: TestContext, env: Environment, url: string, ...more: string[]): Promise<Fields> {
  return ask(t, ['endpoint', 'create', '--org', 'default', '--url', url, '--events', '*', ...more], { env });
}

function publish(t: TestContext, env: Environment): Promise<Fields> {
  const event = ['--event', 'order.paid', '--data', '{"total":12}'];
  return ask(t, ['publish', '--org', 'default', ...event], { env });
}

/** Deliveries that meet a condition, oldest first, as soon as all of `count` do. */
function deliveriesWhen(
  t: TestContext,
  env: Environment,
  count: number,
  condition: (delivery: Fields) => boolean,
): Promise<Fields[]> {
  return waitFor(`${count} deliveries`, async () => {
    const items = (await askList(t, ['deliveries', 'list'], { env })).filter(condition);
    return items.length >= count && items.reverse();
  });
}

const isIn =
  (...statuses: string[]) =>
  ({ status }: Fields) =>
    statuses.includes(String(status));

testOnAllEngines(
  'a receiver that fails twice and then answers 200 gets three attempts with one id',
  async (t) => {
    const { env } = await begin(t);
    let calls = 0;
    const { url, arrivals } = await startReceiver(t, (response) => {
      calls++;
      response.writeHead(calls < 3 ? 503 : 200).end();
    });
    await createEndpoint(t, env, url, '--gap', '100ms', '--retries', '150ms,300ms');
    await publish(t, env);
    const [delivery] = await deliveriesWhen(t, env, 1, isIn('processed'));
    const { attempts, attemptCount } = await ask(t, ['deliveries', 'show', String(delivery?.id)], { env });
    assert.equal(attemptCount, 3);
    assert.deepEqual(
      (attempts as Fields[]).map(({ number, responseCode, error }) => [number, responseCode, error]),
      [
        [1, 503, 'status'],
        [2, 503, 'status'],
        [3, 200, undefined],
      ],
    );
    assert.deepEqual(new Set(arrivals.map(({ headers }) => headers['webhook-id'])), new Set([delivery?.id]));
  },
);

test('what waits for a retry says when it comes, and Retry-After is heard', async (t) => {
  const { env } = await begin(t);
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(429, { 'retry-after': '300' }).end();
  });
  await createEndpoint(t, env, url, '--gap', '0s', '--retries', '10s');
  await publish(t, env);
  const [delivery] = await deliveriesWhen(t, env, 1, ({ attemptCount, nextAttemptAt }) =>
    Boolean(attemptCount === 1 && nextAttemptAt),
  );
  const inMs = Date.parse(String(delivery?.nextAttemptAt)) - Date.now();
  assert.ok(inMs > 30_000 && inMs <= 40_000, `four times the delay at most: ${inMs}`);
});

testOnAllEngines(
  '410 disables the endpoint, tells the others, and what comes then can be recovered',
  async (t) => {
    const { env, server } = await begin(t);
    let gone = true;
    const going = await startReceiver(t, (response) => {
      response.writeHead(gone ? 410 : 200).end();
    });
    const other = await startReceiver(t);
    const endpoint = await createEndpoint(t, env, going.url, '--gap', '50ms');
    const watcher = ['endpoint', 'create', '--org', 'default', '--url', other.url, '--events', 'endpoint.*'];
    await ask(t, [...watcher, '--gap', '0s'], { env });
    await publish(t, env);
    const told = await waitFor('the other endpoint to be told', () => other.arrivals[0]);
    const { type, data } = JSON.parse(told.body);
    assert.deepEqual(
      [type, data.endpointId, data.reason],
      ['endpoint.disabled', endpoint.id, 'answered 410 Gone'],
    );
    const shown = await waitFor('the endpoint to be disabled', async () => {
      const [found] = await askList(t, ['endpoint', 'list', '--status', 'disabled'], { env });
      return found;
    });
    assert.deepEqual([shown.id, shown.disabledReason], [endpoint.id, 'answered 410 Gone']);
    assert.match(server.stderr(), /"endpoint":"ep_[^}]*an endpoint was disabled/);
    await publish(t, env);
    const [omitted] = await deliveriesWhen(
      t,
      env,
      1,
      ({ reason, event }) => reason === 'disabled' && event === 'order.paid',
    );
    const refused = await run(t, ['deliveries', 'retry', String(omitted?.id)], { env });
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /is disabled; enable it first/);
    const tested = await run(t, ['endpoint', 'test', String(endpoint.id)], { env });
    assert.deepEqual([tested.exit, /is disabled/.test(tested.stderr)], [1, true]);

    gone = false;
    const enabled = await ask(t, ['endpoint', 'enable', String(endpoint.id), '--probe'], { env });
    assert.equal(enabled.status, 'active');
    assert.equal((enabled.probe as Fields).status, 'processed');
    const recover = ['deliveries', 'recover', '--endpoint', String(endpoint.id), '--since', '1h'];
    const recovered = await ask(t, recover, { env });
    // What was answered 410, what came then, and that the endpoint was disabled.
    assert.deepEqual([recovered.asked, recovered.processed, recovered.failed], [3, 3, 0]);
    assert.equal((await ask(t, recover, { env })).asked, 0, 'asking again changes nothing');
    const left = await askList(t, ['deliveries', 'list', '--endpoint', String(endpoint.id)], { env });
    assert.deepEqual(new Set(left.map(({ status }) => status)), new Set(['processed']));
    // For people, as deliveries show has it.
    const probed = await run(t, ['endpoint', 'test', String(endpoint.id)], { env });
    assert.equal(probed.exit, 0, probed.stderr);
    assert.match(probed.stdout, /\ntimeline\n.*attempt 1.*\npayload\n\{\n/s);
  },
);

testOnAllEngines('what comes while the gap lasts waits in a queue, or is told by a digest', async (t) => {
  const { env } = await begin(t);
  const queue = await startReceiver(t);
  const digest = await startReceiver(t);
  await createEndpoint(t, env, queue.url, '--gap', '1s', '--when-busy', 'queue', '--max-queued', '2');
  await createEndpoint(t, env, digest.url, '--gap', '1s', '--when-busy', 'digest');
  const events: unknown[] = [];
  const burst = Array.from({ length: 4 }, () => publish(t, env));
  for (const published of await Promise.all(burst)) events.push(published.id);
  await waitFor('three in order, one a gap', () => queue.arrivals.length === 3, 20_000);
  const told = await waitFor('the digest', () => digest.arrivals[1], 20_000);
  const body = JSON.parse(told.body);
  assert.deepEqual([body.type, body.data.count], ['digest', 3]);
  const omitted = digest.arrivals.slice(0, 2).map(({ headers }) => Number(headers['x-webhook-omitted']));
  assert.equal((omitted[0] ?? 0) + (omitted[1] ?? 0), 3);
  const first = JSON.parse(digest.arrivals[0]?.body ?? '').id;
  assert.deepEqual([first, ...body.data.newest.map(({ id }: Fields) => id)].sort(), [...events].sort());
  const shown = await deliveriesWhen(
    t,
    env,
    1,
    ({ event, status }) => event === 'digest' && status === 'processed',
  );
  const { payload } = await ask(t, ['deliveries', 'show', String(shown[0]?.id)], { env });
  assert.deepEqual(payload, body, 'it is shown as it was sent');
  const [overflow] = await deliveriesWhen(t, env, 1, ({ reason }) => reason === 'overflow');
  assert.equal(overflow?.status, 'omitted');
  const starts = queue.arrivals.map(({ atMs }) => atMs);
  for (const [i, atMs] of starts.entries()) if (i > 0) assert.ok(atMs - (starts[i - 1] ?? 0) > 950);
});

function verifies({ body, headers }: Arrival, secret: unknown): boolean {
  try {
    new Webhook(String(secret)).verify(body, headers as Record<string, string>);
    return true;
  } catch (error) {
    assert.match(String(error), /No matching signature/);
    return false;
  }
}

test('after a rotation the old and the new secret both verify, and without a grace only the new one', async (t) => {
  const { env } = await begin(t);
  const { url, arrivals } = await startReceiver(t);
  const { id, signingSecret: first } = await createEndpoint(t, env, url, '--gap', '0s');
  const rotate = ['endpoint', 'rotate-secret', String(id)];
  const { signingSecret: second, previousSecretUntil } = await ask(t, rotate, { env });
  const graceMs = Date.parse(String(previousSecretUntil)) - Date.now();
  assert.ok(Math.abs(graceMs - 86_400_000) < 60_000);
  await publish(t, env);
  const both = await waitFor('a webhook', () => arrivals[0]);
  assert.deepEqual([verifies(both, first), verifies(both, second)], [true, true]);
  const { signingSecret: third } = await ask(t, [...rotate, '--grace', '0s'], { env });
  await publish(t, env);
  const alone = await waitFor('another webhook', () => arrivals[1]);
  assert.deepEqual(
    [verifies(alone, first), verifies(alone, second), verifies(alone, third)],
    [false, false, true],
  );
});

test('addresses that are not public are refused when an endpoint is made, or when its name leads there', async (t) => {
  const { env } = await begin(t, { HOOKLANE_ALLOW_ADDRESSES: '203.0.113.0/24' });
  const wrong = {
    'http://169.254.169.254/': /link-local/,
    'http://[::ffff:127.0.0.1]/': /loopback/,
    'http://0x7f.1/': /127\.0\.0\.1 is a loopback/,
    'http://2130706433/': /loopback/,
    'http://10.1.2.3/': /private/,
  };
  for (const [url, why] of Object.entries(wrong)) {
    const { exit, stderr } = await run(
      t,
      ['endpoint', 'create', '--org', 'default', '--url', url, '--events', '*'],
      { env },
    );
    assert.equal(exit, 2, url);
    assert.match(stderr, why);
  }
  const { url, arrivals } = await startReceiver(t);
  await createEndpoint(t, env, `http://localhost:${new URL(url).port}/`);
  await publish(t, env);
  const [delivery] = await deliveriesWhen(t, env, 1, isIn('error'));
  const { attempts } = await ask(t, ['deliveries', 'show', String(delivery?.id)], { env });
  const [attempt, ...none] = attempts as Fields[];
  assert.equal(attempt?.error, 'address');
  assert.match(
    String(attempt?.detail),
    /localhost is refused by what it resolves to: .* is a loopback address/,
  );
  assert.deepEqual([none.length, arrivals.length], [0, 0], 'it is not tried again');
});

testOnAllEngines(
  'after a kill -9 while 20 requests hang each is tried again with its id, none inside the gap',
  async (t) => {
    const { directory, env, server } = await begin(t);
    let hangs = true;
    const { url, arrivals } = await startReceiver(t, (response) => {
      if (!hangs) response.end();
    });
    const gapMs = 1_500;
    for (let n = 0; n < 20; n++)
      await createEndpoint(t, env, `${url}&n=${n}`, '--gap', `${gapMs}ms`, '--timeout', '2s');
    await publish(t, env);
    await waitFor('20 requests', () => arrivals.length === 20, 20_000);
    server.kill('SIGKILL');
    await server.ended;
    hangs = false;
    await serve(t, directory, { env });
    await waitFor('20 more', () => arrivals.length === 40, 60_000);
    const byPath = Map.groupBy(arrivals, ({ path }) => path);
    assert.equal(byPath.size, 20);
    for (const [path, [first, second, ...none]] of byPath) {
      assert.ok(first && second && none.length === 0, path);
      assert.equal(first.headers['webhook-id'], second.headers['webhook-id']);
      assert.ok(second.atMs - first.atMs >= gapMs, `${path}: ${second.atMs - first.atMs} ms`);
    }
    const settled = await deliveriesWhen(t, env, 20, isIn('processed'));
    assert.equal(settled.length, 20);
  },
);

test('each attempt is one wide line in the log, without secrets and payloads', async (t) => {
  const { env, server, directory } = await begin(t);
  const { url } = await startReceiver(t, (response) =>
    response.writeHead(500).end('an answer with a secret'),
  );
  const { signingSecret, id } = await createEndpoint(
    t,
    env,
    `${url}&key=hush`,
    '--gap',
    '0s',
    '--retries',
    '1h',
  );
  await publish(t, env);
  const line = await waitFor('a line', () =>
    server
      .stderr()
      .split('\n')
      .find((text) => text.includes('"attempt"')),
  );
  const { organization, endpoint, webhook, attempt, outcome, code, error, durationMs, nextAttemptAt } =
    JSON.parse(line);
  assert.match(`${organization} ${webhook}`, /^org_\w+ wh_\w+$/);
  assert.deepEqual([endpoint, attempt, outcome, code, error], [id, 1, 'failed', 500, 'status']);
  assert.ok(durationMs >= 0 && Date.parse(nextAttemptAt) > Date.now());
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  for (const secret of [String(signingSecret), adminToken, server.token, 'hush', 'an answer', '"total"'])
    assert.ok(!server.stderr().includes(secret), secret);
});

testOnAllEngines('what two operators recover at once is delivered once, however much it is', async (t) => {
  const secret = 'an-administrator-of-the-tests-0123456789';
  const { env, server, directory } = await begin(t, { HOOKLANE_ADMIN_TOKEN: secret });
  let isUp = false;
  const { url, arrivals } = await startReceiver(t, (response) => {
    response.writeHead(isUp ? 200 : 500).end();
  });
  const endpoint = await createEndpoint(t, env, url, '--gap', '0s', '--retries', 'none');
  const call = async (at: string, path: string, body: Fields) => {
    const response = await request(`${at}/api/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.statusCode, body: (await response.body.json()) as Fields };
  };
  const events = `organizations/${endpoint.organizationId}/events`;
  for (let n = 0; n < 250; n++) await call(server.url, events, { kind: 'order.paid', data: { n } });
  const missed = await waitFor('all of them to fail', async () => {
    const found = await list(server.url, secret, 'deliveries?status=error');
    return found.length === 250 && found;
  });
  await stop(server);

  isUp = true;
  arrivals.length = 0;
  const recover = ['deliveries', 'recover', '--endpoint', String(endpoint.id), '--since', '1h'];
  for (let operators = 0; operators < 2; operators++)
    assert.equal((await ask(t, recover, { env })).asked, 250);
  // Without a projector the read models go on telling of failures: a third operator asks for what was delivered.
  const stale = await serve(t, directory, { env, roles: 'api,dispatch' });
  await waitFor('all of them to arrive', () => arrivals.length >= 250, 30_000);
  const late = await call(stale.url, `endpoints/${endpoint.id}/recover`, { since: '1h' });
  assert.deepEqual([late.status, late.body.asked], [202, 250]);
  // Taken in after all that was asked for, and sent after it.
  const last = await call(stale.url, events, { kind: 'order.last', data: {} });
  assert.equal(last.status, 201);
  await waitFor('the last one', () => arrivals.some(({ body }) => body.includes('order.last')), 30_000);
  await stop(stale);
  const sent = arrivals.filter(({ body }) => !body.includes('order.last'));
  const ids = sent.map(({ headers }) => String(headers['webhook-id']));
  assert.deepEqual(ids.sort(), missed.map(({ id }) => String(id)).sort());
  const { exit, stdout } = await run(t, ['verify'], { env });
  assert.equal(exit, 0, stdout);
});

testOnAllEngines('recovering ends also where read models lagged behind what had been sent', async (t) => {
  const token = 'an-administrator-of-the-tests-0123456789';
  const { env, server, directory } = await begin(t, { HOOKLANE_ADMIN_TOKEN: token });
  let isUp = false;
  const { url, arrivals } = await startReceiver(t, (response) => {
    response.writeHead(isUp ? 200 : 500).end();
  });
  const { id } = await createEndpoint(t, env, url, '--gap', '0s', '--retries', 'none');
  await publish(t, env);
  await deliveriesWhen(t, env, 1, isIn('error'));
  await stop(server);

  // Without a projector the read models go on telling of the failure.
  isUp = true;
  const stale = await serve(t, directory, { env, roles: 'api,dispatch' });
  const atServer = { ...env, HOOKLANE_URL: stale.url, HOOKLANE_TOKEN: token };
  const log = await openLog(loadConfig({ ...env, ...enginesOf(t, directory) }), { serve: false });
  t.after(() => log.close());
  const retried = async () => {
    let count = 0;
    const options = { types: ['WebhookRetryRequested'] } as const;
    for await (const { events } of log.read('organizations', options)) count += events.length;
    return count;
  };
  const recover = ['deliveries', 'recover', '--endpoint', String(id), '--since', '1h', '--json'];
  const first = start(t, recover, { env: atServer });
  await waitFor('it to be sent', () => arrivals.length === 2);
  first.kill('SIGINT');
  await within(first.ended, 'the first command to end');
  await publish(t, env);
  await waitFor('another one, which is sent after it', () => arrivals.length === 3);
  const second = start(t, recover, { env: atServer });
  await waitFor('it to be asked for again', async () => (await retried()) === 2);
  assert.equal((await run(t, ['replay'], { env })).exit, 0);
  assert.equal(await within(second.ended, 'the second command to end'), 0, second.stderr());
  assert.deepEqual(JSON.parse(second.stdout()).processed, 1);
  assert.equal(arrivals.length, 3);
  await stop(stale);
});
