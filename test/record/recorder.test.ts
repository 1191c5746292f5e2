// The recorder's loop on the embedded log: each inbound webhook becomes exactly one event, whatever happens.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { InboundEvent, OrganizationEvent, Topic } from '../../src/events.ts';
import { type Log, LogUnavailable, type Membership, type Partition } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { startRecorder } from '../../src/record/recorder.ts';
import { processTime } from '../../src/time.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { NOW_MS, received } from './inbound.ts';

/** A log that is closed, and with it the recorders on it, before its directory is removed. */
function openLog(t: TestContext): Log {
  let log: Log | undefined;
  t.after(() => log?.close());
  log = openSqliteLog({ directory: temporaryDirectory(t), partitions: 2, serve: true });
  return log;
}

/** A logger that remembers its lines. */
function rememberingLogger() {
  const lines: string[] = [];
  return { lines, warn: (_fields: unknown, line?: string) => void lines.push(line ?? '') };
}

function start(log: Pick<Log, 'join'>, logger = rememberingLogger()): Membership {
  return startRecorder({ log, time: { ...processTime(), now: () => NOW_MS }, logger });
}

/** Posts numbered `from` to below `to`, of two integrations; each fifth is not JSON. */
function posts(from: number, to: number, padding = ''): InboundEvent[] {
  return Array.from({ length: to - from }, (_, i): InboundEvent => {
    const number = String(from + i).padStart(4, '0');
    const payload = (from + i) % 5 === 0 ? 'not JSON' : { message: `post ${number}`, padding };
    return { ...received(payload), id: `in_${number}`, integrationId: `int_${i % 2}` };
  });
}

/** The events of topic organizations, as soon as there are `count` of them. */
async function recorded(log: Log, count: number): Promise<OrganizationEvent[]> {
  return waitFor(`${count} recorded events`, async () => {
    const events: OrganizationEvent[] = [];
    for await (const batch of log.read('organizations'))
      events.push(...batch.events.map(({ event }) => event));
    return events.length >= count && events;
  });
}

function assertEachOnce(events: readonly OrganizationEvent[], count: number): void {
  const ids = events.map((event) => {
    assert.ok(event.type === 'LogRecorded' || event.type === 'InboundWebhookFailed');
    assert.equal(event.type === 'InboundWebhookFailed', Number(event.inboundId.slice(3)) % 5 === 0);
    return event.inboundId;
  });
  assert.deepEqual(
    ids.sort(),
    posts(0, count).map(({ id }) => id),
  );
}

/** The log, with `before` called before each commit of its partitions: what that throws, the commit throws. */
function withCommits(log: Log, before: (out: readonly unknown[], upTo: number) => void): Pick<Log, 'join'> {
  return {
    join<T extends Topic>(
      group: 'recorder' | 'dispatcher',
      topic: T,
      work: (partition: Partition<T>) => Promise<void>,
    ) {
      return log.join(group, topic, (partition) =>
        work({
          topic: partition.topic,
          index: partition.index,
          position: partition.position,
          lost: partition.lost,
          next: (max) => partition.next(max),
          wake: () => partition.wake(),
          async commit(out, upTo) {
            before(out, upTo);
            return partition.commit(out, upTo);
          },
        }),
      );
    },
  };
}

test('each inbound webhook becomes one log, or one failure that stops nothing', async (t) => {
  const log = openLog(t);
  start(log);
  await log.append(posts(0, 40));
  assertEachOnce(await recorded(log, 40), 40);
});

test('webhooks of one integration are recorded in the order in which they came', async (t) => {
  const log = openLog(t);
  await log.append(posts(0, 40));
  start(log);
  const ids = (await recorded(log, 40)).map((event) => (event.type === 'LogRecorded' ? event.inboundId : ''));
  const ofOne = ids.filter((id) => Number(id.slice(3)) % 2 === 1);
  assert.ok(ofOne.length > 10);
  assert.deepEqual(ofOne, ofOne.toSorted());
});

test('a recorder that was stopped goes on where it ended', async (t) => {
  const log = openLog(t);
  const first = start(log);
  await log.append(posts(0, 20));
  await recorded(log, 20);
  await first.close();
  await log.append(posts(20, 30));
  start(log);
  assertEachOnce(await recorded(log, 30), 30);
});

test('a second recorder takes over, and nothing is recorded twice', async (t) => {
  const log = openLog(t);
  await log.append(posts(0, 20));
  const first = start(log);
  const second = start(log);
  await log.append(posts(20, 40));
  assertEachOnce(await recorded(log, 40), 40);
  await Promise.all([first.close(), second.close()]);
  await Promise.all([first.ended, second.ended]);
  assertEachOnce(await recorded(log, 40), 40);
});

test('while the log is unavailable it waits, says so once, and then commits the same events', async (t) => {
  const log = openLog(t);
  await log.append(posts(0, 10).map((post): InboundEvent => ({ ...post, integrationId: 'int_0' })));
  const logger = rememberingLogger();
  const tried: unknown[] = [];
  const faulty = withCommits(log, (out, upTo) => {
    tried.push({ out, upTo });
    if (tried.length <= 2) throw new LogUnavailable('disk full');
  });
  start(faulty, logger);
  assertEachOnce(await recorded(log, 10), 10);
  assert.equal(tried.length, 3);
  assert.deepEqual(tried[1], tried[0]);
  assert.deepEqual(tried[2], tried[0]);
  assert.deepEqual(logger.lines, ['the log is unavailable, recording waits for it']);
});

test('a recorder can be stopped while it waits for the log, and has then recorded nothing', async (t) => {
  const log = openLog(t);
  const unavailable = Promise.withResolvers<void>();
  const faulty = withCommits(log, () => {
    unavailable.resolve();
    throw new LogUnavailable('disk full');
  });
  const recorder = start(faulty);
  await log.append(posts(0, 10));
  await unavailable.promise;
  await recorder.close();
  await recorder.ended;
  assert.deepEqual(await log.positions('recorder', 'inbound'), [0, 0]);
});

test('any other error is a bug, and ends the recorder with it', async (t) => {
  const log = openLog(t);
  const faulty = withCommits(log, () => {
    throw new TypeError('a bug');
  });
  const recorder = start(faulty);
  const ended = assert.rejects(recorder.ended, /a bug/);
  await log.append(posts(0, 1));
  await ended;
});

test('large payloads are committed in portions of 1 MiB', async (t) => {
  const log = openLog(t);
  await log.append(posts(0, 30, 'x'.repeat(200 * 1024)));
  const sizes: number[] = [];
  start(withCommits(log, (out) => void sizes.push(out.length)));
  assertEachOnce(await recorded(log, 30), 30);
  assert.ok(sizes.length >= 4, `${sizes}`);
  assert.ok(Math.max(...sizes) <= 9, `${sizes}`);
});

test('what comes with an import is passed over: it was recorded where it comes from', async (t) => {
  const log = openLog(t);
  const all = posts(0, 40).map((event, i) => ({ ...event, imported: i < 30 }));
  await log.append(all);
  start(log);
  const events = await recorded(log, 10);
  assert.deepEqual(
    events.map((event) => 'inboundId' in event && event.inboundId).sort(),
    all.slice(30).map(({ id }) => id),
  );
  const ends = await log.ends('inbound');
  await waitFor('the position to be behind all', async () => {
    const positions = await log.positions('recorder', 'inbound');
    return positions.every((position, i) => position === ends[i]);
  });
  assert.equal((await recorded(log, 10)).length, 10);
});
