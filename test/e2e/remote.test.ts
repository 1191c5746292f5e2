// Commands that ask a server somewhere else (--url, HOOKLANE_URL): they do and say what they do and say beside it.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { tamper } from '../projections/stores.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, run, serve, start, stop, within } from './hooklane.ts';

interface Places {
  /** Opens the stores of the server's data directory. */
  beside: Environment;
  /** Asks the server, and finds nothing in its own data directory. */
  remote: Environment;
  url: string;
  adminToken: string;
}

/** The lines of an export between its header, which tells its time, and its end. */
function eventsIn(text: string): string[] {
  return text.trimEnd().split('\n').slice(1, -1);
}

async function begin(t: TestContext): Promise<Places> {
  const directory = temporaryDirectory(t);
  const { url } = await serve(t, directory);
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const elsewhere = join(temporaryDirectory(t), 'data');
  const remote = { HOOKLANE_DATA: elsewhere, HOOKLANE_URL: url, HOOKLANE_TOKEN: adminToken };
  return { beside: { HOOKLANE_DATA: directory }, remote, url, adminToken };
}

testOnAllEngines('what is made through a server is shown by it as it is shown beside it', async (t) => {
  const { beside, remote } = await begin(t);
  let answers = 204;
  const { url, arrivals } = await startReceiver(t, (response) => {
    response.writeHead(answers).end();
  });
  await ask(t, ['org', 'create', 'acme'], { env: remote });
  await ask(t, ['project', 'create', 'shop', '--org', 'acme'], { env: remote });
  const made = ['integration', 'create', 'web', '--project', 'shop', '--burst', '10/1s'];
  assert.match(String((await ask(t, made, { env: remote })).publicSecret), /^ints_/);
  const endpoint = ['endpoint', 'create', '--org', 'acme', '--url', url, '--events', '*', '--gap', '200ms'];
  const { id: endpointId } = await ask(t, [...endpoint, '--retries', 'none'], { env: remote });
  const publish = ['publish', '--org', 'acme', '--event', 'order.paid', '--data', '{"total":12}'];
  answers = 500;
  await ask(t, publish, { env: remote });
  const failed = ['deliveries', 'list', '--status', 'error'];
  const [delivery] = await waitFor('it to fail', async () => {
    const items = await askList(t, failed, { env: remote });
    return items.length > 0 && items;
  });

  const id = String(delivery?.id);
  for (const args of [
    ['org', 'list'],
    ['org', 'show', 'acme'],
    ['project', 'list', '--org', 'acme'],
    ['integration', 'list', '--project', 'shop'],
    ['endpoint', 'list', '--org', 'acme'],
    ['deliveries', 'list', '--event', 'order.*', '--endpoint', url],
    ['deliveries', 'show', id],
    ['logs', 'list'],
    ['inbound', 'list', '--limit', '1'],
    ['deliveries', 'stats', '--by', 'event'],
    ['logs', 'groups', '--sort', 'count'],
  ]) {
    const [there, here] = [await ask(t, args, { env: remote }), await ask(t, args, { env: beside })];
    assert.deepEqual(there, here, args.join(' '));
  }

  const status = await ask(t, ['status'], { env: remote });
  assert.deepEqual([status.healthy, status.serving, typeof status.url], [true, true, 'string']);

  answers = 204;
  await ask(t, ['deliveries', 'retry', id], { env: remote });
  await waitFor('it to be delivered', async () => {
    return (await ask(t, ['deliveries', 'show', id], { env: beside })).status === 'processed';
  });
  const again = await run(t, ['deliveries', 'retry', id], { env: remote });
  assert.deepEqual([again.exit, /is processed; only webhooks in error/.test(again.stderr)], [1, true]);

  const disabled = await ask(t, ['endpoint', 'disable', url], { env: remote });
  assert.equal(disabled.status, 'disabled');
  for (let n = 0; n < 3; n++) await ask(t, publish, { env: remote });
  const enabled = await ask(t, ['endpoint', 'enable', url, '--probe'], { env: remote });
  assert.deepEqual([enabled.id, enabled.status], [endpointId, 'active']);
  const recover = ['deliveries', 'recover', '--endpoint', url, '--since', '1h'];
  const recovered = await ask(t, recover, { env: remote });
  assert.deepEqual([recovered.asked, recovered.processed, recovered.failed], [3, 3, 0]);
  assert.equal(arrivals.length, 6);
});

testOnAllEngines(
  'read models are rebuilt, compared, and the log verified, through a server as beside it',
  async (t) => {
    const { beside, remote } = await begin(t);
    await ask(t, ['org', 'create', 'acme'], { env: remote });
    const rebuilt = (await askList(t, ['replay'], { env: remote })).map(({ seconds, ...rest }) => {
      assert.equal(typeof seconds, 'number');
      return rest;
    });
    const here = await askList(t, ['replay'], { env: beside });
    assert.deepEqual(
      rebuilt,
      here.map(({ seconds: _, ...rest }) => rest),
    );
    const verify = ['replay', '--verify', 'organizations', 'logs'];
    const [there, same] = [await run(t, verify, { env: remote }), await run(t, verify, { env: beside })];
    assert.equal(there.exit, 0, there.stderr);
    assert.deepEqual(there, same);
    assert.match(there.stdout, /organizations +2 +0\n.*logs +0 +0/s);
    for (const verified of [
      ['verify'],
      ['verify', '--org', 'acme', '--json'],
      ['verify', '--org', 'nobody'],
    ]) {
      const byServer = await run(t, verified, { env: remote });
      assert.equal(byServer.exit, verified.includes('nobody') ? 1 : 0, byServer.stderr);
      assert.deepEqual(byServer, await run(t, verified, { env: beside }));
    }
  },
);

test('a read model that differs is told of in the same words, and mended through the server', async (t) => {
  const { beside, remote } = await begin(t);
  await ask(t, ['org', 'create', 'acme'], { env: remote });
  tamper(beside.HOOKLANE_DATA ?? '', 'organizations', 'acme', 'acne');
  const verify = ['replay', '--verify', 'organizations'];
  const [there, here] = [await run(t, verify, { env: remote }), await run(t, verify, { env: beside })];
  assert.equal(there.exit, 1);
  assert.deepEqual(there, here);
  assert.match(
    there.stderr,
    /live: .*acne.*\n +rebuilt: .*acme.*\nhooklane: differs from its log: organizations\n$/,
  );
  await ask(t, ['replay', 'organizations'], { env: remote });
  assert.equal((await run(t, verify, { env: remote })).exit, 0);
});

testOnAllEngines(
  'Ctrl+C cancels a replay at the server; one that stops ends it; a second is refused',
  async (t) => {
    const directory = temporaryDirectory(t);
    // Nobody projects: what compares waits for ever.
    const server = await serve(t, directory, { roles: 'api' });
    const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
    const headers = { authorization: `Bearer ${token}` };
    const running = async () => {
      const { body } = await request(`${server.url}/api/v1/replays?limit=1`, { headers });
      const { items } = (await body.json()) as { items: { id: string; status: string }[] };
      return items.find(({ status }) => status === 'running')?.id;
    };
    const env = { HOOKLANE_URL: server.url, HOOKLANE_TOKEN: token };
    const verify = ['replay', '--verify', 'organizations'];
    const stopped = start(t, verify, { env });
    const id = await waitFor('it to begin', running, 30_000);
    const second = await run(t, verify, { env });
    assert.deepEqual([second.exit, second.stdout], [1, '']);
    assert.match(second.stderr, new RegExp(`^hooklane: a replay runs already: ${id}; .*\n$`));
    stopped.kill('SIGINT');
    assert.equal(await within(stopped.ended, 'the command to end'), 1);
    assert.match(stopped.stderr(), /^hooklane: stopped: read models that were not done are as they were\n$/);
    assert.equal(await running(), undefined);

    const other = start(t, verify, { env });
    await waitFor('the other to begin', running, 30_000);
    await stop(server);
    assert.equal(await within(other.ended, 'the other command to end'), 1);
    assert.match(other.stderr(), /^hooklane: .*\n$/);
  },
);

test('Ctrl+C beside a server leaves nothing that keeps others from rebuilding', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory, { roles: 'api' });
  const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const env = { HOOKLANE_URL: server.url, HOOKLANE_TOKEN: token };
  const rebuild = () => run(t, ['replay', 'organizations'], { env });
  const beside = start(t, ['replay', '--verify', 'organizations'], { env: { HOOKLANE_DATA: directory } });
  const db = new DatabaseSync(join(directory, 'views.db'));
  t.after(() => db.close());
  const shadows = db.prepare('SELECT count(*) AS n FROM shadows');
  await waitFor('it to begin', () => Number(shadows.get()?.n) === 1, 30_000);
  const refused = await rebuild();
  assert.match(refused.stderr, /^hooklane: organizations is being rebuilt by another process, .*\n$/);
  beside.kill('SIGINT');
  assert.equal(await within(beside.ended, 'the command to end'), 1);
  assert.match(beside.stderr(), /stopped: read models that were not done are as they were\n$/);
  assert.equal((await rebuild()).exit, 0);
});

testOnAllEngines(
  'an organization moves from one server to another, neither of whose stores is opened',
  async (t) => {
    const { beside, remote } = await begin(t);
    const { id } = await ask(t, ['org', 'create', 'acme'], { env: remote });
    const directory = temporaryDirectory(t);
    const file = join(directory, 'acme.ndjson');
    const [exported, local] = [
      await askList(t, ['export', '--org', 'acme', '--out', file], { env: remote }),
      await askList(t, ['export', '--org', 'acme', '--out', join(directory, 'local')], { env: beside }),
    ];
    assert.deepEqual(exported, [{ ...local[0], file }]);
    assert.deepEqual([local[0]?.organizationId, local[0]?.serving], [id, true]);
    const again = await run(t, ['export', '--org', 'acme', '--out', file], { env: remote });
    assert.deepEqual([again.exit, /is there already/.test(again.stderr)], [1, true]);
    const piped = await run(t, ['export', '--org', String(id)], { env: remote });
    assert.deepEqual(eventsIn(piped.stdout), eventsIn(readFileSync(file, 'utf8')));
    const all = await askList(t, ['export', '--all', '--out', join(directory, 'all')], { env: remote });
    assert.deepEqual(
      all.map(({ organization }) => organization),
      ['default', 'acme'],
    );

    const own = join(directory, 'target');
    mkdirSync(own);
    for (const key of ['master-key', 'admin-token'])
      copyFileSync(join(beside.HOOKLANE_DATA ?? '', key), join(own, key));
    const target = await serve(t, own);
    const there = { ...remote, HOOKLANE_URL: target.url };
    const cut = await run(t, ['import', '-'], { env: there, input: piped.stdout.slice(0, -10) });
    assert.deepEqual(
      [cut.exit, cut.stderr],
      [1, 'hooklane: -: the file was cut: its last line is missing\n'],
    );
    const imported = await run(t, ['import', file], { env: there });
    assert.equal(imported.exit, 0, imported.stderr);
    assert.match(imported.stdout, /^organization .*\nacme /);
    const once = await run(t, ['import', '-', '--json'], { env: there, input: piped.stdout });
    assert.deepEqual([once.exit, JSON.parse(once.stdout).items[0].wasThere], [0, true]);
    assert.match(once.stderr, /was imported from this file before/);
    const shown = (env: Environment) => ask(t, ['org', 'show', 'acme'], { env });
    assert.deepEqual(await shown(there), await shown(remote));
  },
);

test('a server that dies leaves no half file, and says that it is gone', async (t) => {
  const { url } = await startReceiver(t, (response, { url: path = '' }) => {
    if (!path.endsWith('/export')) return void response.end('{"id":"org_1","name":"acme"}');
    response.write(`${'x'.repeat(100_000)}\n`, () => void response.destroy());
  });
  const file = join(temporaryDirectory(t), 'acme.ndjson');
  const env = { HOOKLANE_URL: new URL(url).origin, HOOKLANE_TOKEN: 'x' };
  const { exit, stderr } = await run(t, ['export', '--org', 'acme', '--out', file], { env });
  assert.deepEqual([exit, /^hooklane: http\S+ is gone: .*export again\n$/.test(stderr)], [1, true], stderr);
  assert.equal(existsSync(file), false);
});

test('a payload is sent to the server that is named, wherever its name stands', async (t) => {
  const directory = temporaryDirectory(t);
  const { url, token } = await serve(t, directory);
  const input = '{"message":"hello"}';
  const send = ['send', '--token', token, '-', '--json'];
  const nowhere = { HOOKLANE_URL: 'http://127.0.0.1:9' };
  for (const [args, env] of [
    [send, { HOOKLANE_URL: `${url}/` }],
    [[...send, '--url', url], nowhere],
    [['--url', url, ...send], nowhere],
  ] as const) {
    const { exit, stdout, stderr } = await run(t, args, { env, input });
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /"status": "pending"/);
  }
  const wrong = await run(t, send, { env: { HOOKLANE_URL: 'example' }, input });
  assert.deepEqual([wrong.exit, /^hooklane: HOOKLANE_URL .*allowed.*\n$/.test(wrong.stderr)], [2, true]);
});

test('what is wrong is said in the same words, with the same exit code', async (t) => {
  const { beside, remote, url } = await begin(t);
  for (const args of [
    ['org', 'show', 'nobody'],
    ['org', 'create', ' padded'],
    ['org', 'create', 'default'],
    ['project', 'create', 'shop', '--org', 'nobody'],
    ['deliveries', 'list', '--status', 'nope'],
    ['deliveries', 'list', '--since', 'nope'],
    ['deliveries', 'list', '--cursor', 'nope'],
    ['deliveries', 'show', 'wh_1'],
    ['deliveries', 'retry', 'wh_1'],
    ['logs', 'list', '--limit', '0'],
    ['replay', 'nothing'],
    ['replay', '--from', '1h'],
    ['export', '--org', 'nobody', '--out', 'nowhere'],
    ['import', 'nothing'],
  ]) {
    const [there, here] = [await run(t, args, { env: remote }), await run(t, args, { env: beside })];
    assert.notEqual(there.exit, 0, args.join(' '));
    assert.deepEqual(there, here, args.join(' '));
  }

  const { HOOKLANE_DATA = '' } = remote;
  const refused: [Environment, string[], number, RegExp][] = [
    [{ HOOKLANE_URL: url }, [], 2, /HOOKLANE_TOKEN is missing/],
    [{ HOOKLANE_URL: url, HOOKLANE_TOKEN: 'wrong' }, [], 1, /refuses the token/],
    [{ HOOKLANE_URL: 'example', HOOKLANE_TOKEN: 'x' }, [], 2, /HOOKLANE_URL .*allowed/],
    [{ HOOKLANE_TOKEN: 'x' }, ['--url', 'http://127.0.0.1:9'], 1, /127\.0\.0\.1:9 cannot be reached/],
  ];
  for (const [env, more, exit, says] of refused) {
    const outcome = await run(t, ['org', 'list', ...more], { env: { HOOKLANE_DATA, ...env } });
    assert.deepEqual([outcome.exit, outcome.stdout], [exit, '']);
    assert.match(outcome.stderr, says);
    assert.equal(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
  }
});

test('options stand above the environment, also before the command', async (t) => {
  const { url, adminToken } = await begin(t);
  const env = { HOOKLANE_URL: 'http://127.0.0.1:9', HOOKLANE_TOKEN: 'wrong-token' };
  const server = ['--url', url, '--token', adminToken];
  assert.equal((await askList(t, ['org', 'list', ...server], { env })).length, 1);
  assert.equal((await askList(t, [...server, 'org', 'list'], { env })).length, 1);
  const made = ['endpoint', 'create', '--org', 'default', '--url', 'http://127.0.0.1:1/', '--events', '*'];
  assert.equal((await ask(t, [...server, ...made], { env })).url, 'http://127.0.0.1:1/');
});

test('deliveries are followed through a server, until Ctrl+C or until it stops', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory);
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(204).end();
  });
  const beside = { HOOKLANE_DATA: directory };
  const token = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const endpoint = ['endpoint', 'create', '--org', 'default', '--url', url, '--events', '*', '--gap', '0s'];
  await ask(t, endpoint, { env: beside });
  const follow = ['deliveries', 'tail', '--json', '--url', server.url, '--token', token];
  const [one, other] = [start(t, follow), start(t, follow)];
  // It does not say when it has begun: something happens until it has been told of.
  await waitFor(
    'both to tell',
    async () => {
      await ask(t, ['publish', '--org', 'default', '--event', 'a.b', '--data', '{}'], { env: beside });
      return [one, other].every((tail) => tail.stdout().includes('\n'));
    },
    30_000,
  );
  const [line = ''] = one.stdout().split('\n');
  const { status, event } = JSON.parse(line);
  assert.deepEqual([status, event], ['processed', 'a.b']);
  one.kill('SIGINT');
  assert.equal(await within(one.ended, 'the end of tail'), 0, one.stderr());
  server.kill('SIGTERM');
  assert.equal(await within(server.ended, 'the server to stop'), 0);
  assert.equal(await within(other.ended, 'the end of the other'), 1);
  assert.match(other.stderr(), /has ended the answer|is gone/);
});
