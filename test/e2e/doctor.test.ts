// hooklane doctor as operators use it: on what is well, on what is not there, and on what is broken.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { freePort } from '../support/server.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, type Environment, type Fields, run, serve, stop } from './hooklane.ts';

/** A user who may do nothing here. */
const NOBODY = 65_534;

/** State and area of what is not ok, and whether there is a problem. */
async function findings(t: TestContext, env: Environment, uid?: number) {
  const { exit, stdout, stderr } = await run(t, ['doctor', '--json'], { env, ...(uid && { uid }) });
  const { healthy, checks } = JSON.parse(stdout) as { healthy: boolean; checks: Fields[] };
  assert.equal(exit, healthy ? 0 : 1, stderr);
  return checks
    .filter(({ state }) => state !== 'ok')
    .map(({ state, area, name }) => `${state} ${area}/${name}`);
}

testOnAllEngines('a server that is well has no problem, and nothing is changed by looking', async (t) => {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const env = { HOOKLANE_DATA: directory, PORT: String(port) };
  const server = await serve(t, directory, { port });
  // Only this may be short on the machine of the test.
  const isOfMachine = (finding: string) => finding.includes(' machine/');
  // Made by the test with mode 0700.
  assert.deepEqual(
    (await findings(t, env)).filter((finding) => !isOfMachine(finding)),
    [],
  );
  const { checks } = (await ask(t, ['doctor'], { env })) as { checks: Fields[] };
  const told = checks.map(({ name, detail }) => `${name}: ${detail}`).join('\n');
  assert.match(told, /^port: Hooklane at http:\/\/127\.0\.0\.1:\d+ is ready$/m);
  assert.match(told, /^log: .*a process works it off$/m);
  assert.match(told, /^master key: it fits/m);
  const before = await ask(t, ['status'], { env });
  await stop(server);
  assert.deepEqual(
    (await findings(t, env)).filter((finding) => !isOfMachine(finding)),
    [],
  );
  assert.deepEqual((await ask(t, ['status'], { env })).topics, before.topics);
});

test('what is wrong is told by lines for people, and no data directory is made for it', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const env = { HOOKLANE_DATA: directory, HOOKLANE_LOG: 'paper', HOOKLANE_MASTER_KEY: 'hush', PORT: '0' };
  const { exit, stdout, stderr } = await run(t, ['doctor'], { env });
  assert.equal(exit, 1);
  assert.equal(stderr, 'hooklane: there are 2 problems\n');
  assert.match(
    stdout,
    /^configuration\n {2}problem {2}HOOKLANE_LOG: "paper" is not allowed; .*\n {11}→ set HOOKLANE_LOG/,
  );
  assert.match(stdout, /\n {2}warning {2}log: not looked at/);
  assert.match(stdout, /\n {2}ok {7}data directory: .* is not there yet/);
  assert.ok(!stdout.includes('hush'));
  assert.ok(!existsSync(directory));
});

test('keys that others can read, and another master key, are problems', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory, PORT: '0' };
  await stop(await serve(t, directory));
  chmodSync(join(directory, 'master-key'), 0o644);
  const before = readdirSync(directory);
  assert.deepEqual(
    (await findings(t, env)).filter((one) => one.startsWith('problem')),
    ['problem directory/master-key'],
  );
  const other = { ...env, HOOKLANE_MASTER_KEY: Buffer.alloc(32, 9).toString('base64') };
  assert.deepEqual(
    (await findings(t, other)).filter((one) => one.startsWith('problem')),
    ['problem log/master key'],
  );
  assert.deepEqual(readdirSync(directory), before);
});

test('a user who may not read the data is told so', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory, PORT: '0' };
  await stop(await serve(t, directory));
  const found = await findings(t, env, NOBODY);
  assert.ok(found.includes('problem directory/data directory'), found.join());
});
