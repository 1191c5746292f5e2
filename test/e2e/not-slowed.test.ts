// Posts do not wait for what comes of them: on SQLite in one process, while subscribers hang, another process rebuilds all
// read models again and again, and a third one reads in them for as long. On Kafka: test/engines/not-slowed.test.ts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { ask, list, run, serve, stop } from './hooklane.ts';
import { assertNotSlowed, assertOnce, SUBSCRIPTIONS, startPosting, startSubscribers } from './posting.ts';

const POSTS = 300;
/** Of all read models, while posts come in. */
const REBUILDS = 2;
const SETTLED_WITHIN_MS = 60_000;

/** Begins to read, and says what it sees whenever it is asked. */
const READER = `
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync(process.argv[1], { readOnly: true });
const { name } = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%logs%'").get();
const rows = db.prepare('SELECT count(*) AS count FROM ' + name);
db.exec('BEGIN');
const tell = () => console.log(rows.get().count);
tell();
process.stdin.on('data', tell);`;

/** Another process that is within one read transaction on the read models until the test ends. */
async function startReader(t: TestContext, path: string) {
  const child = spawn(process.execPath, ['-e', READER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const told = async () => Number(String((await once(child.stdout, 'data'))[0]));
  return {
    first: await told(),
    /** How many logs it sees. */
    sees() {
      const answer = told();
      child.stdin.write('?');
      return answer;
    },
  };
}

test('posts are taken as before while subscribers hang, and others rebuild the read models and read in them', async (t) => {
  const directory = temporaryDirectory(t);
  const env = { HOOKLANE_DATA: directory };
  const subscribers = await startSubscribers(t);
  const server = await serve(t, directory, {
    env: { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' },
  });
  let good = '';
  for (const [path, url] of subscribers.urls) {
    const { gap, ...others } = { timeout: '5s', ...SUBSCRIPTIONS[path] };
    const create = [
      'endpoint',
      'create',
      '--org',
      'default',
      '--url',
      url,
      '--events',
      'log.*',
      '--gap',
      gap,
    ];
    const retries = path === '/good' ? [] : ['--retries', 'none'];
    const { id } = await ask(t, [...create, '--timeout', others.timeout, ...retries], { env });
    if (path === '/good') good = String(id);
  }
  const posting = startPosting(server.url, server.token);
  await posting.more(POSTS);
  await waitFor('subscribers to hang', () => {
    return subscribers.at('/silent').length > 0 && subscribers.at('/drip').length > 0;
  });
  const quietUntil = posting.posted.length;
  const reader = await startReader(t, join(directory, 'views.db'));
  for (let n = 0; n < REBUILDS; n++) {
    const { exit, stderr } = await run(t, ['replay'], { env });
    assert.equal(exit, 0, stderr);
  }
  await posting.more(POSTS);
  assert.equal(await reader.sees(), reader.first, 'it is within one transaction');
  await posting.end();
  const { posted } = posting;
  assertNotSlowed(t, posted.slice(0, quietUntil), posted.slice(quietUntil));

  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const told = await waitFor(
    'all to settle',
    async () => {
      const logs = await list(server.url, adminToken, 'logs');
      if (logs.length < posted.length) return false;
      const deliveries = await list(server.url, adminToken, 'deliveries');
      const isSettled = deliveries.every(({ status }) => status !== 'pending');
      return isSettled && deliveries.length >= logs.length * subscribers.urls.length && { logs, deliveries };
    },
    SETTLED_WITHIN_MS,
  );
  assert.ok(reader.first < told.logs.length);
  assertOnce(posted, told, {
    ...{ good, arrivals: subscribers.at('/good'), endpoints: subscribers.urls.length },
  });
  for (const command of [['verify'], ['replay', '--verify']]) {
    const { exit, stdout, stderr } = await run(t, command, { env });
    assert.equal(exit, 0, `${stdout}${stderr}`);
  }
  await stop(server);
});
