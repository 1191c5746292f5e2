// What commands say: of wrong usage, of nothing, of themselves, and to scripts.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, HOOKLANE, post, run, serve, startShell, stop } from './hooklane.ts';

/** Processes at a time. */
const AT_ONCE = 3;

/** Calls `work` with each item, a few at a time. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function endpointWith(option: string, value: string): string[] {
  const right = { '--org': 'default', '--url': 'http://127.0.0.1:9/', '--events': 'log.*' };
  return ['endpoint', 'create', ...Object.entries({ ...right, [option]: value }).flat()];
}

/** Commands that are refused: what they say, beside the one line; 2 is wrong usage, 1 is that it cannot be done. */
const REFUSED: [args: string[], exit: 1 | 2, says: RegExp][] = [
  [['delivries'], 2, /'delivries'.*deliveries/],
  [['deliveries', 'lst'], 2, /'lst'.*list/],
  [['--nonsense'], 2, /'--nonsense'/],
  [['org', 'create'], 2, /argument 'name'/],
  [['org', 'create', 'one', 'two'], 2, /too many arguments/],
  [['org', 'create', ' padded'], 2, /name: allowed: 1 to 100 characters/],
  [['org', 'create', 'default'], 1, /"default"/],
  [['org', 'show', 'nobody'], 1, /organization "nobody"/],
  [['org', 'rotate-secret', 'org_01ARZ3NDEKTSV4RRFFQ69G5FAV'], 1, /organization "org_01ARZ/],
  [['project', 'create', 'shop'], 2, /--org/],
  [['project', 'create', 'shop', '--org', 'nobody'], 1, /organization "nobody"/],
  [['project', 'list', '--org', 'nobody'], 1, /organization "nobody"/],
  [['integration', 'create', 'web', '--project', 'nothing'], 1, /project "nothing"/],
  [['integration', 'create', 'web', '--project', 'default', '--burst', '3'], 2, /--burst.*'3'.*3\/6s/],
  [['integration', 'create', 'web', '--project', 'default', '--origin', 'x'], 2, /--origin.*https:/],
  [['integration', 'disable', 'nothing'], 1, /integration "nothing"/],
  [['integration', 'list', '--status', 'gone'], 2, /--status.*'gone'.*active, disabled/],
  [endpointWith('--url', 'example.com/hook'), 2, /--url.*'example.com\/hook'.*http/],
  [endpointWith('--url', 'ftp://example.com/'), 2, /--url.*http or https/],
  [endpointWith('--url', 'http://user:secret@127.0.0.1/'), 2, /--url.*without user/],
  [endpointWith('--events', 'log.*,'), 2, /--events.*separated by commas/],
  [endpointWith('--events', 'Log.Created'), 2, /--events.*'Log.Created'.*log\.created/],
  [endpointWith('--gap', '5'), 2, /--gap.*'5'.*250ms/],
  [endpointWith('--gap', '25h'), 2, /--gap.*'25h'.*24h/],
  [endpointWith('--gap', '-1s'), 2, /--gap/],
  [endpointWith('--timeout', '1ms'), 2, /--timeout.*'1ms'.*100ms to 30s/],
  [endpointWith('--retries', '5s,soon'), 2, /--retries/],
  [endpointWith('--when-busy', 'wait'), 2, /--when-busy.*'wait'.*omit/],
  [endpointWith('--org', 'nobody'), 1, /organization "nobody"/],
  [['endpoint', 'disable', 'http://nowhere/'], 1, /endpoint "http:\/\/nowhere\/"/],
  [['send', 'missing.json', '--token', 'x'], 1, /missing\.json.*no such file/],
  [['send', '-'], 2, /--token/],
  [['send', '-', '--token', 'a b'], 2, /--token.*'a b'/],
  [['send', '-', '--token', 'x', '--url', 'nowhere'], 2, /--url.*'nowhere'/],
  [['publish', '--org', 'default', '--event', 'x'], 2, /--data/],
  [['publish', '--org', 'default', '--event', 'x', '--data', '{'], 2, /--data.*'\{'.*JSON/],
  [['publish', '--org', 'default', '--event', 'X!', '--data', '{}'], 2, /--event.*'X!'.*order\.paid/],
  [['publish', '--org', 'nobody', '--event', 'x', '--data', '{}'], 1, /organization "nobody"/],
  [['org', 'list', '--url', ''], 2, /--url.*''.*https/],
  [['--url', 'nope', 'org', 'list'], 2, /--url.*'nope'.*https/],
  [['prune', '--before', '90d', '--url', 'nope'], 2, /--url.*'nope'.*https/],
  [['deliveries', 'list', '--org', ''], 2, /--org.*''.*empty/],
  [['verify', '--org', ''], 2, /--org.*''.*empty/],
  [['deliveries', 'list', '--status', 'lost'], 2, /--status.*'lost'.*omitted/],
  [['deliveries', 'list', '--code', '600'], 2, /--code.*'600'.*5xx/],
  [['deliveries', 'list', '--since', 'yesterday'], 2, /--since.*'yesterday'.*1h/],
  [['deliveries', 'list', '--limit', '0'], 2, /--limit.*'0'.*1 to 200/],
  [['deliveries', 'list', '--cursor', 'abc'], 2, /--cursor.*'abc'/],
  [['deliveries', 'list', '--endpoint', 'nothing'], 1, /endpoint "nothing"/],
  [['deliveries', 'show', 'wh_1'], 1, /delivery "wh_1"/],
  [['deliveries', 'retry'], 2, /argument 'id'/],
  [['deliveries', 'retry', 'wh_1'], 1, /delivery "wh_1"/],
  [['inbound', 'show', 'in_1'], 1, /inbound webhook "in_1"/],
  [['logs', 'show', 'log_1'], 1, /log "log_1"/],
  [['logs', 'list', '--level', 'loud'], 2, /--level.*'loud'.*warning/],
  [['replay', 'nothing'], 2, /'nothing'.*deliveries/],
  [['verify', '--org', 'nobody'], 1, /organization "nobody"/],
  [['verify', '--limit', '0'], 2, /--limit.*'0'.*1 to 10000/],
  [['status', '--watch', 'often'], 2, /--watch.*'often'.*250ms/],
  [['listen', '--secret', 'foo'], 2, /--secret.*'foo'.*whsec_/],
  [['import', import.meta.dirname], 1, /e2e cannot be read: it is a directory/],
  [['import', '/nowhere/x.ndjson'], 1, /\/nowhere\/x\.ndjson cannot be read: no such file/],
  [['export', '--org', 'default', '--json'], 2, /--json .*--out/],
  [['export', '--org', 'default', '--out', '/nowhere/x'], 1, /\/nowhere\/x cannot be made: no such file/],
  [['export', '--org', 'default', '--out', import.meta.filename], 1, /is there already/],
  [['export', '--all', '--out', import.meta.filename], 1, /usage\.test\.ts is no directory/],
  [['listen', '--port', '65536'], 2, /--port.*'65536'.*65535/],
  [['listen', '--status', 'ok'], 2, /--status.*'ok'/],
  [['serve', '--port', 'http'], 2, /--port.*"http".*65535/],
  [['serve', '--roles', 'api,cook'], 2, /--roles.*cook.*dispatch/],
];

test('whatever is wrong is told in one line that names it, and changes nothing', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory);
  const env = { HOOKLANE_DATA: directory };
  const before = await ask(t, ['status'], { env });
  await forEach(REFUSED, async ([args, exit, says]) => {
    const outcome = await run(t, args, { env });
    const told = `hooklane ${args.join(' ')}: ${outcome.stderr}`;
    assert.match(outcome.stderr, /^hooklane: [^\n]+\n$/, told);
    assert.match(outcome.stderr, says, told);
    assert.equal(outcome.stdout, '', told);
    assert.equal(outcome.exit, exit, told);
  });
  assert.deepEqual((await ask(t, ['status'], { env })).topics, before.topics);
  await stop(server);
});

test('a command without its subcommand shows the help, as wrong usage', async (t) => {
  for (const args of [[], ['deliveries']]) {
    const { exit, stdout, stderr } = await run(t, args);
    assert.equal(exit, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: hooklane /);
  }
});

test('everything that is wrong with the environment is told at once, a line each, and makes no data', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const env = {
    HOOKLANE_DATA: directory,
    PORT: 'http',
    HOOKLANE_LOG: 'paper',
    HOOKLANE_GAPS: '5s',
    HOOKLANE_MASTER_KEY: 'too short a secret',
    HOOKLANE_ALLOW_ADDRESSES: 'everything',
  };
  for (const command of ['serve', 'status']) {
    const { exit, stdout, stderr } = await run(t, [command], { env });
    assert.equal(exit, 2, stderr);
    assert.equal(stdout, '');
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 5, stderr);
    for (const line of lines) assert.match(line, /^hooklane: (PORT|HOOKLANE_\w+)\b/);
    for (const name of Object.keys(env).slice(1)) assert.ok(stderr.includes(name), `${name}: ${stderr}`);
    assert.equal(stderr.includes('too short a secret'), false);
  }
  assert.equal(existsSync(directory), false);
});

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

test('every command has a help with an example', async (t) => {
  const commands = allOf(await createProgram());
  assert.ok(commands.length > 25);
  for (const command of commands) {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    assert.match(help, /\nExample:\n {2}\$ (\S+=\S+ |\S.*\| )?hooklane /, `${command.name()}: ${help}`);
    assert.match(help, /^Usage: hooklane .*\n\n\S/, `${command.name()} says what it does`);
  }
  const { exit, stdout, stderr } = await run(t, ['deliveries', 'list', '--help']);
  assert.deepEqual([exit, stderr], [0, '']);
  assert.match(stdout, /\nExample:\n/);
});

/** Everything that can be listed. */
const LISTS = ['org', 'project', 'integration', 'endpoint', 'deliveries', 'inbound', 'logs'];

testOnAllEngines('an empty store is told of kindly, and is an empty list to scripts', async (t) => {
  const env = { HOOKLANE_DATA: temporaryDirectory(t) };
  // What changes something makes the store, though here it comes to nothing.
  assert.equal((await run(t, ['deliveries', 'retry', 'wh_1'], { env })).exit, 1);
  await forEach(LISTS, async (noun) => {
    const told = await run(t, [noun, 'list'], { env });
    assert.deepEqual([told.exit, told.stdout], [0, ''], told.stderr);
    assert.match(told.stderr, /^No .* here\.\n$/);
    assert.deepEqual(await ask(t, [noun, 'list'], { env }), { items: [], cursor: null });
  });
  for (const args of [['status'], ['replay'], ['replay', '--verify']]) {
    const { exit, stderr } = await run(t, args, { env });
    assert.deepEqual([exit, stderr], [0, '']);
  }
  const verified = await run(t, ['verify'], { env });
  assert.deepEqual(verified, { exit: 0, stdout: '', stderr: 'There is nothing in the log yet.\n' });
  assert.deepEqual((await ask(t, ['verify'], { env })).findings, []);
});

test('where no Hooklane has run, commands that only read say so and make nothing; others begin', async (t) => {
  const directory = temporaryDirectory(t);
  const data = join(directory, 'mistyped');
  const env = { HOOKLANE_DATA: data };
  const reading = [
    ...LISTS.map((noun) => [noun, 'list']),
    ...[
      ['status'],
      ['keys', 'list'],
      ['audit'],
      ['deliveries', 'stats'],
      ['logs', 'groups'],
      ['logs', 'tail'],
    ],
    ...[['verify'], ['replay', '--verify'], ['prune', '--before', '90d'], ['org', 'show', 'acme']],
    ['export', '--all', '--out', join(directory, 'export')],
  ];
  await forEach(reading, async (args) => {
    assert.deepEqual(await run(t, args, { env }), {
      exit: 1,
      stdout: '',
      stderr: `hooklane: no Hooklane has run in ${data}: there is no log.db; is HOOKLANE_DATA right?\n`,
    });
  });
  assert.deepEqual(readdirSync(directory), []);
  await ask(t, ['org', 'create', 'acme'], { env });
  assert.deepEqual(
    (await askList(t, ['org', 'list'], { env })).map(({ name }) => name),
    ['acme'],
  );
});

/** Runs `hooklane …args` for people, in a terminal of so many columns if that is said. */
async function table(t: TestContext, args: string[], env: Environment, columns?: number): Promise<string> {
  const width: Environment = columns === undefined ? {} : { COLUMNS: String(columns) };
  const { exit, stdout, stderr } = await run(t, args, { env: { ...env, ...width } });
  assert.equal(exit, 0, stderr);
  return stdout;
}

testOnAllEngines(
  'tables fit into 100 columns with ids and times whole, and are piped without colours',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const server = await serve(t, directory);
    const receiver = await startReceiver(t);
    const url = `${receiver.url}&${'long='.repeat(40)}`;
    await ask(
      t,
      ['endpoint', 'create', '--org', 'default', '--url', url, '--events', 'log.created,deploy.*'],
      {
        env,
      },
    );
    const message = `a long message\nof two lines with \u001b[31mcolour\u001b[0m ${'and more '.repeat(20)}`;
    await post(server.url, server.token, { message, level: 'error', environment: 'production' });
    await post(server.url, server.token, { message: 'short' });
    await forEach(LISTS, async (noun) => {
      const text = await table(t, [noun, 'list'], env, 100);
      const lines = text.trimEnd().split('\n');
      const { items } = await ask(t, [noun, 'list'], { env });
      assert.ok(Array.isArray(items));
      assert.equal(lines.length, 1 + items.length, text);
      for (const line of lines) assert.ok([...line].length <= 100, `${[...line].length}: ${line}`);
      for (const { id, createdAt, receivedAt } of items) {
        assert.ok(text.includes(id), text);
        if (noun !== 'endpoint') assert.ok(text.includes(createdAt ?? receivedAt), text);
      }
      assert.equal(text.includes('\u001b'), false);
      // Piped, nothing is cut.
      const piped = await table(t, [noun, 'list'], env);
      assert.equal(piped.includes('\u001b') || piped.includes('…'), false, piped);
    });
    await stop(server);
  },
);

testOnAllEngines(
  '--json is one document on stdout, also where nothing else would be told to scripts',
  async (t) => {
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const org = await ask(t, ['org', 'create', 'acme'], { env });
    assert.match(String(org.publicSecret), /^orgs_/);
    const project = await ask(t, ['project', 'create', 'shop', '--org', 'acme'], { env });
    assert.equal(project.organizationId, org.id);
    const integration = await ask(
      t,
      ['integration', 'create', 'web', '--project', 'shop', '--burst', 'none'],
      {
        env,
      },
    );
    assert.deepEqual(integration.rateLimits, { burst: null, sustained: '100/1h' });
    const endpoint = await ask(t, endpointWith('--org', 'acme'), { env });
    assert.deepEqual(
      {
        gap: endpoint.gap,
        timeout: endpoint.timeout,
        whenBusy: endpoint.whenBusy,
        retries: endpoint.retries,
      },
      {
        gap: '5s',
        timeout: '5s',
        whenBusy: 'omit',
        retries: ['5s', '30s', '5m', '30m', '2h', '5h', '10h', '10h'],
      },
    );
    assert.equal((await ask(t, ['endpoint', 'disable', String(endpoint.url)], { env })).status, 'disabled');
    assert.equal((await ask(t, ['endpoint', 'enable', String(endpoint.id)], { env })).status, 'active');
    const rotated = await ask(t, ['endpoint', 'rotate-secret', String(endpoint.id)], { env });
    assert.notEqual(rotated.signingSecret, endpoint.signingSecret);
    const again = await ask(t, ['integration', 'rotate-secret', 'web'], { env });
    assert.notEqual(again.publicSecret, integration.publicSecret);
    assert.equal((await ask(t, ['integration', 'disable', 'web'], { env })).status, 'disabled');
    const { publicSecret } = await ask(t, ['org', 'rotate-secret', 'acme'], { env });
    assert.match(String(publicSecret), /^orgs_/);
    assert.notEqual(publicSecret, org.publicSecret);
    const { id, name, createdAt } = org;
    const shown = await ask(t, ['org', 'show', 'acme'], { env });
    assert.deepEqual(shown, { id, name, createdAt, sentLastWebhookAt: null });
    const { items } = await ask(t, ['replay', '--verify'], { env });
    assert.ok(Array.isArray(items) && items.every(({ differences }) => differences === 0));
  },
);

test('an endpoint whose URL is not allowed any more can be disabled, and not enabled', async (t) => {
  const env = { HOOKLANE_DATA: temporaryDirectory(t) };
  await ask(t, ['org', 'create', 'acme'], { env });
  const endpoint = await ask(t, endpointWith('--org', 'acme'), { env });
  const production = { ...env, NODE_ENV: 'production' };
  const id = String(endpoint.id);
  assert.equal((await ask(t, ['endpoint', 'disable', id], { env: production })).status, 'disabled');
  const refused = await run(t, ['endpoint', 'enable', id], { env: production });
  assert.deepEqual([refused.exit, refused.stderr], [2, 'hooklane: url: only https is allowed\n']);
});

test('of several files that are imported those before one that fails are told of', async (t) => {
  const [from, to] = [temporaryDirectory(t), temporaryDirectory(t)];
  await ask(t, ['org', 'create', 'acme'], { env: { HOOKLANE_DATA: from } });
  const file = join(temporaryDirectory(t), 'acme.ndjson');
  const env = { HOOKLANE_DATA: from };
  assert.equal((await run(t, ['export', '--org', 'acme', '--out', file], { env })).exit, 0);
  copyFileSync(join(from, 'master-key'), join(to, 'master-key'));
  const { exit, stdout, stderr } = await run(t, ['import', file, import.meta.filename, '--json'], {
    env: { HOOKLANE_DATA: to },
  });
  assert.equal(exit, 1);
  assert.match(stderr, /usage\.test\.ts: /);
  assert.deepEqual(
    JSON.parse(stdout).items.map(({ organization }: { organization: string }) => organization),
    ['acme'],
  );
});

test('an export whose reader goes is not told as done', async (t) => {
  const directory = temporaryDirectory(t);
  await ask(t, ['org', 'create', 'acme'], { env: { HOOKLANE_DATA: directory } });
  const line = `HOOKLANE_DATA=${directory} ${HOOKLANE} export --org acme`;
  const failed = startShell(t, `{ ${line}; echo "exit $?" >&2; } | true`);
  await failed.ended;
  assert.match(failed.stderr(), /^hooklane: the output cannot be written: broken pipe\nexit 1$/m);
});

test('who reads nothing of what a command prints does not make it fail', async (t) => {
  const piped = startShell(t, `${HOOKLANE} --help | true`);
  assert.deepEqual([await piped.ended, piped.stderr()], [0, '']);
});
