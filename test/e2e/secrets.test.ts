// Secrets stay secret: a whole life, and then every place where any of it may have been left is searched. And master keys
// are rotated under a live system.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { request } from 'undici';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { enginesOf, testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, post, run, serve, stop } from './hooklane.ts';
import { filesOf, findSecrets, type Place, recordsOf } from './secrets-search.ts';

/** What an error tracker is sent and must not keep; each stands where it is found. */
const SENT = {
  password: 'hunter2-Zq7',
  'password in a text': 'hunter3-Zq7',
  'token in a URL': 'tok/4+Zq7',
  cookie: 'sid=5-Zq7',
  'password in JSON in a text': 'hunter6-Zq7',
  'card number': '4242 4242 4242 4242',
  'password of a deploy': 'hunter7-Zq7',
  'key in a batch': 'key-8-Zq7',
  'secret that is published': 'hush-9-Zq7',
  'name with escapes': 'hunter10-Zq7',
  'configured name': 'hunter11-Zq7',
  'in a body that is no JSON': 'hunter12-Zq7',
  'in a body that is refused': 'hunter13-Zq7',
} as const;
/** Stands beside them, and so is found where they would be. */
const CANARY = 'canary-Zq7';

function payload(): string {
  const sent = {
    message: `${CANARY}: password=${SENT['password in a text']} at /reset?token=${encodeURIComponent(SENT['token in a URL'])}`,
    user: { id: 7, password: SENT.password },
    request: {
      headers: [['Cookie', SENT.cookie]],
      data: JSON.stringify({ passwd: SENT['password in JSON in a text'] }),
    },
    extra: { paid: `with ${SENT['card number']}`, pin_code: SENT['configured name'] },
  };
  return JSON.stringify(sent).replace('{', `{"pass\\u0077ord":"${SENT['name with escapes']}",`);
}

testOnAllEngines('no secret is in any file, record, document, line of output, list or export', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const env = { HOOKLANE_DATA: directory, HOOKLANE_SCRUB: 'pin_code', HOOKLANE_LOG_LEVEL: 'trace' };
  const secrets = new Map<string, string>(Object.entries(SENT));
  const said: Place[] = [];
  const keep = (name: string, text: string) => said.push({ name, bytes: Buffer.from(text) });
  /** Runs a command, which must not tell a secret. */
  const tell = async (...args: string[]) => {
    const { stdout, stderr } = await run(t, args, { env });
    keep(`output of ${args.join(' ')}`, stdout + stderr);
    return stdout;
  };
  /** Runs a command that makes a secret, which it tells this once. */
  const make = async (what: string, field: string, ...args: string[]) => {
    const made = await ask(t, args, { env });
    secrets.set(what, String(made[field]));
    return made;
  };

  const server = await serve(t, directory, { env });
  secrets.set('default token', server.token);
  keepKeys(directory, secrets);
  await make('publicSecret', 'publicSecret', 'org', 'create', 'acme');
  await ask(t, ['project', 'create', 'shop', '--org', 'acme'], { env });
  const unlimited = ['--burst', 'none', '--sustained', 'none'];
  const integration = await make(
    'token',
    'publicSecret',
    ...['integration', 'create', 'web', '--project', 'shop', ...unlimited],
  );
  const echo = await startReceiver(t, (response, { headers }) => response.end(JSON.stringify(headers)));
  const failing = await startReceiver(t, (response, { headers }) =>
    response.writeHead(500).end(`no: ${headers.authorization}`),
  );
  const subscribe = (what: string, url: string) =>
    make(
      what,
      'signingSecret',
      ...['endpoint', 'create', '--org', 'acme', '--events', '*', '--gap', '0s', '--url', url],
    );
  const good = await subscribe('signing secret', echo.url);
  await subscribe('signing secret of another', failing.url);
  await make('rotated signing secret', 'signingSecret', 'endpoint', 'rotate-secret', String(good.id));
  await make('rotated publicSecret', 'publicSecret', 'org', 'rotate-secret', 'acme');
  const rotated = await make(
    'rotated token',
    'publicSecret',
    'integration',
    'rotate-secret',
    String(integration.id),
  );
  const token = String(rotated.publicSecret);

  assert.equal((await post(server.url, token, payload())).status, 201);
  const postTo = async (path: string, bearer: string, body: string, type = 'application/json') => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': type };
    const answer = await request(`${server.url}/api/v1${path}`, { method: 'POST', headers, body });
    keep(`answer to ${path}`, await answer.body.text());
    return answer.statusCode;
  };
  const deploy = { version: CANARY, url: `https://ci:${SENT['password of a deploy']}@ci.example/` };
  assert.equal(await postTo('/webhooks/deploys', token, JSON.stringify(deploy)), 201);
  const line = JSON.stringify({ message: CANARY, 'X-Api-Key': SENT['key in a batch'] });
  assert.equal(await postTo('/webhooks/logs/batch', token, `${line}\n`, 'application/x-ndjson'), 200);
  const data = JSON.stringify({ note: CANARY, client_secret: SENT['secret that is published'] });
  await tell('publish', '--org', 'acme', '--event', 'order.paid', '--data', data);

  // What is refused is neither kept nor told.
  const wrong = `ints_${'x'.repeat(32)}`;
  secrets.set('token that is wrong', wrong);
  assert.equal(await postTo('/webhooks/logs', wrong, '{}'), 401);
  assert.equal(await postTo('/organizations', wrong, '{}'), 401);
  const { 'in a body that is no JSON': broken, 'in a body that is refused': refused } = SENT;
  assert.equal(await postTo('/webhooks/logs', token, `{"password": ${broken}}`), 400);
  assert.equal(
    await postTo('/webhooks/deploys', token, JSON.stringify({ version: 1, password: refused })),
    422,
  );

  await waitFor(
    'all to be delivered',
    () => echo.arrivals.length >= 4 && failing.arrivals.length >= 4,
    30_000,
  );
  const deliveries = await waitFor('all to be known', async () => {
    const items = await askList(t, ['deliveries', 'list'], { env });
    return items.filter(({ status }) => status === 'processed').length >= 4 && items;
  });
  for (const { id } of deliveries.slice(0, 2)) await tell('deliveries', 'show', String(id), '--json');
  const [inbound] = await askList(t, ['inbound', 'list'], { env });
  const [log] = await askList(t, ['logs', 'list'], { env });
  await tell('inbound', 'show', String(inbound?.id), '--json');
  await tell('logs', 'show', String(log?.id), '--json');
  for (const resource of [
    'org',
    'project',
    'integration',
    'endpoint',
    'deliveries',
    'inbound',
    'logs',
    'keys',
  ])
    await tell(resource, 'list', '--json');
  await tell('org', 'show', 'acme', '--json');
  await tell('replay', '--json');
  await tell('verify', '--json');
  await tell('status', '--json');
  await tell('doctor');
  const file = join(temporaryDirectory(t), 'acme.ndjson');
  await tell('export', '--org', 'acme', '--out', file);
  // While it runs: what is written beside the database is there as well.
  const live = filesOf(directory);
  await stop(server);

  await waitFor(
    'the key to be rotated',
    async () => (await run(t, ['keys', 'rotate'], { env })).exit === 0,
    30_000,
  );
  keepKeys(directory, secrets);
  const other = Buffer.alloc(32, 9).toString('base64');
  secrets.set('another master key', other);
  const refusedStart = await run(t, ['serve', '--port', '0'], {
    env: { ...env, HOOKLANE_MASTER_KEY: other },
  });
  assert.equal(refusedStart.exit, 1, refusedStart.stderr);
  keep('output of a start that is refused', refusedStart.stdout + refusedStart.stderr);
  keep('messages of the server', server.stderr());
  // Which tells the token of the first start, this once.
  keep('output of the server', server.stdout().replaceAll(server.token, ''));

  const engines: Environment = { ...env, ...enginesOf(t, directory) };
  const stored = [...live, ...filesOf(directory), ...(await recordsOf(engines))];
  const exported = { name: 'the export', bytes: readFileSync(file) };
  assert.deepEqual(findSecrets(secrets, [...said, ...stored, exported]), []);

  // The search finds what is there, in each of these, and what is sealed is in no answer.
  const canary = new Map([['canary', CANARY]]);
  const places = (of: readonly Place[]) => new Set(findSecrets(canary, of));
  const [logStore, viewStore] =
    engines.HOOKLANE_LOG === undefined ? ['log.db', 'views.db'] : ['inbound', 'logs'];
  const found = [...places(stored)].join();
  for (const name of [logStore, viewStore]) assert.match(found, new RegExp(`canary in \\S*${name}`));
  assert.equal(places([exported]).size, 1);
  assert.ok(places(said).size >= 5);
  assert.deepEqual(findSecrets(new Map([['sealed secret', 'sealed.v1.']]), said), []);
});

/** The keys in a data directory, which only their owner may read. */
function keepKeys(directory: string, secrets: Map<string, string>): void {
  for (const name of ['admin-token', 'master-key']) {
    for (const [n, line] of readFileSync(join(directory, name), 'utf8').trim().split('\n').entries())
      secrets.set(`${name} ${n}`, line);
  }
}

testOnAllEngines(
  'a master key is rotated, and the old one goes, while webhooks are signed as before',
  async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const env = { HOOKLANE_DATA: directory };
    const receiver = await startReceiver(t);
    let server = await serve(t, directory, { env });
    const url = receiver.url;
    const created = await ask(
      t,
      ['endpoint', 'create', '--org', 'default', '--events', 'order.*', '--gap', '0s', '--url', url],
      { env },
    );
    const verify = new Webhook(String(created.signingSecret));
    const deliver = async () => {
      const { length } = receiver.arrivals;
      await ask(t, ['publish', '--org', 'default', '--event', 'order.paid', '--data', '{}'], { env });
      const arrival = await waitFor('it to arrive', () => receiver.arrivals[length]);
      verify.verify(arrival.body, arrival.headers as Record<string, string>);
      return arrival.headers.authorization;
    };
    const authorization = await deliver();
    const isCluster = enginesOf(t, directory).HOOKLANE_LOG !== undefined;
    const [old] = await askList(t, ['keys', 'list'], { env });
    if (isCluster) {
      const refused = await run(t, ['keys', 'rotate'], { env });
      assert.equal(refused.exit, 1);
      assert.match(refused.stderr, /stop them all first/);
      await stop(server);
      await waitFor(
        'nobody to serve',
        async () => (await run(t, ['keys', 'rotate'], { env })).exit === 0,
        30_000,
      );
      server = await serve(t, directory, { env });
    } else {
      const { resealed } = await ask(t, ['keys', 'rotate'], { env });
      assert.equal(resealed, 2);
    }
    assert.equal(await deliver(), authorization);
    await waitFor('the old key not to be needed', async () => {
      const items = await askList(t, ['keys', 'list'], { env });
      return items.some(({ id, needed }) => id === old?.id && needed === false);
    });
    await ask(t, ['keys', 'remove', String(old?.id)], { env });
    await stop(server);
    assert.equal(readFileSync(join(directory, 'master-key'), 'utf8').trim().split('\n').length, 1);
    server = await serve(t, directory, { env });
    assert.equal(await deliver(), authorization);
    await ask(t, ['replay', '--verify'], { env });
    await stop(server);
  },
);

test('with keys of the environment a new one is printed to be set, and then all is sealed under it', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const old = Buffer.alloc(32, 7).toString('base64');
  const withKeys = (keys: string) => ({ HOOKLANE_DATA: directory, HOOKLANE_MASTER_KEY: keys });
  await ask(t, ['org', 'create', 'acme'], { env: withKeys(old) });
  const { exit, stdout } = await run(t, ['keys', 'rotate'], { env: withKeys(old) });
  const [, key = ''] = /^HOOKLANE_MASTER_KEY=([\w+/]{43}=),\$HOOKLANE_MASTER_KEY\n$/.exec(stdout) ?? [];
  assert.deepEqual([exit, Buffer.from(key, 'base64').length], [0, 32]);
  const both = withKeys(`${key},${old}`);
  // A server that has the old one alone must not be given what it cannot open.
  const server = await startWith(t, directory, old);
  const refused = await run(t, ['keys', 'rotate'], { env: both });
  assert.deepEqual(
    [refused.exit, /may have been started with other master keys/.test(refused.stderr)],
    [1, true],
  );
  await stop(server);
  const again = await startWith(t, directory, `${key},${old}`);
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const byServer = { HOOKLANE_URL: again.url, HOOKLANE_TOKEN: adminToken };
  assert.deepEqual((await ask(t, ['keys', 'rotate'], { env: byServer })).resealed, 1);
  await waitFor('the old key not to be needed', async () => {
    const items = await askList(t, ['keys', 'list'], { env: byServer });
    return items[1]?.needed === false;
  });
  await stop(again);
  await stop(await startWith(t, directory, key));
  const wrong = await run(t, ['org', 'rotate-secret', 'acme'], { env: withKeys(old) });
  assert.equal(wrong.exit, 1);
  assert.match(wrong.stderr, /sealed under another master key/);
});

function startWith(t: TestContext, directory: string, keys: string) {
  return serve(t, directory, { env: { HOOKLANE_MASTER_KEY: keys } });
}
