// The directory on the embedded log: it knows what is in the log when it opens, and what comes afterwards, from
// this process and from others.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Directory, openDirectory } from '../../src/command/directory.ts';
import type { OrganizationCreated } from '../../src/events.ts';
import { type Log, LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';

/** What is opened is closed after the test `t`, before its directory is removed. */
function start(t: TestContext) {
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  });
  const path = temporaryDirectory(t);
  function log(serve: boolean): Log {
    const opened = openSqliteLog({ directory: path, partitions: 3, serve });
    stops.push(() => opened.close());
    return opened;
  }
  async function directory(on: Pick<Log, 'read' | 'follow'>): Promise<Directory> {
    const opened = await openDirectory({ log: on });
    stops.push(() => opened.close());
    return opened;
  }
  return { log, directory };
}

function created(number: number): OrganizationCreated {
  const organizationId = `org_${String(number).padStart(26, '0')}` as const;
  return { type: 'OrganizationCreated', organizationId, atMs: 0, name: `acme ${number}`, secret: 'sealed' };
}

test('what is in the log is known when it opens', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  await served.append(Array.from({ length: 20 }, (_, i) => created(i)));
  const { state } = await directory(served);
  assert.equal(state.organizations.size, 20);
});

test('what is appended is known when its position is reached', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  const { state, reached } = await directory(served);
  for (let i = 0; i < 20; i++) {
    const positions = await served.append([created(i)]);
    await Promise.all(positions.map(reached));
    assert.equal(state.organizations.size, i + 1);
  }
});

test('what is brought twice is taken in once', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  const { organizationId } = created(1);
  const renamed = { type: 'OrganizationChanged', organizationId, atMs: 0, name: 'renamed' } as const;
  await served.append([created(1), renamed]);
  const again = Promise.withResolvers<void>();
  const { state } = await directory({
    read: served.read,
    async *follow(topic, { signal }) {
      // The first event alone: were it taken in again, the organization would have its old name.
      for await (const batch of served.read(topic, { batch: 1 })) {
        yield batch;
        if (batch.events.length > 0) break;
      }
      again.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  await again.promise;
  assert.equal(state.organizations.get(organizationId)?.name, 'renamed');
});

test('what another process has appended is known after a refresh, also after one that began before', async (t) => {
  const { log, directory } = start(t);
  const { state, refresh } = await directory(log(true));
  const other = log(false);
  for (let i = 0; i < 20; i++) {
    const before = refresh();
    await other.append([created(i)]);
    await Promise.all([refresh(), before]);
    assert.equal(state.organizations.size, i + 1);
  }
});

test('what another process has appended becomes known by itself', async (t) => {
  const { log, directory } = start(t);
  const { state } = await directory(log(true));
  await log(false).append([created(1)]);
  await waitFor('the organization to be known', () => state.organizations.size === 1);
});

test('however many ask for a refresh at once, the log is read twice at most', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  let reads = 0;
  const { refresh } = await directory({
    follow: served.follow,
    read(topic, options) {
      reads++;
      return served.read(topic, options);
    },
  });
  reads = 0;
  await Promise.all(Array.from({ length: 1_000 }, refresh));
  assert.ok(reads >= 1 && reads <= 2, `${reads} reads`);
});

test('a log that is unavailable for a while is followed again, and loses nothing', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  let failures = 1;
  const { state, reached } = await directory({
    read: served.read,
    async *follow(topic, options) {
      if (failures-- > 0) throw new LogUnavailable('away');
      yield* served.follow(topic, options);
    },
  });
  const positions = await served.append([created(1), created(2)]);
  await Promise.all(positions.map(reached));
  assert.equal(state.organizations.size, 2);
});

test('a refresh that finds the log unavailable says so, and the next one does not', async (t) => {
  const { log, directory } = start(t);
  const served = log(true);
  let away = false;
  const { refresh } = await directory({
    follow: served.follow,
    read(topic, options) {
      if (away) throw new LogUnavailable('away');
      return served.read(topic, options);
    },
  });
  away = true;
  await assert.rejects(refresh(), LogUnavailable);
  away = false;
  await refresh();
});

test('any other failure ends it, and leaves nobody waiting', async (t) => {
  const { log } = start(t);
  const served = log(true);
  const { ended, reached } = await openDirectory({
    log: {
      read: served.read,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async *follow() {
        throw new TypeError('a bug');
      },
    },
  });
  const waiting = reached({ topic: 'organizations', partition: 0, offset: 7 });
  await assert.rejects(ended, TypeError);
  await waiting;
});

test('closing leaves nobody waiting', async (t) => {
  const { log } = start(t);
  const { reached, close, ended } = await openDirectory({ log: log(true) });
  const waiting = reached({ topic: 'organizations', partition: 0, offset: 7 });
  await close();
  await waiting;
  await reached({ topic: 'organizations', partition: 1, offset: 7 });
  await ended;
});
