// What is asked for under an Idempotency-Key, over a real log, real read models and real claims. Time is made up where it
// has to pass: who waits for it puts it on.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import {
  type Asked,
  createOnce,
  type Once,
  type OnceOptions,
  OnceRefused,
  type Stamp,
} from '../../src/command/once.ts';
import type { EventPublished } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { type Log, LogUnavailable } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { startSweeper } from '../../src/projections/sweeper.ts';
import { processTime, type Time } from '../../src/time.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Views } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';

const DAY_MS = 24 * 3_600_000;
/** More than a lease, and what clocks may differ by. */
const LEASE_OVER_MS = 17_000;

interface MadeUpTime extends Time {
  put(ms: number): void;
}

/** Ids that one process makes never go back in time: each test begins days after those before it. */
let tests = 0;

function madeUpTime(): MadeUpTime {
  const startMs = Date.now() + tests++ * 3 * DAY_MS;
  let passedMs = 0;
  const put = (ms: number) => {
    passedMs += ms;
  };
  return {
    put,
    now: () => startMs + passedMs,
    elapsed: () => passedMs,
    after(ms, work) {
      const timer = setImmediate(() => {
        put(ms);
        work();
      });
      return () => clearImmediate(timer);
    },
  };
}

interface Fixture {
  log: Log;
  views: Views;
  time: MadeUpTime;
  once: Once;
  /** A process of its own on the same stores. */
  restarted(options?: Partial<OnceOptions>): Once;
  /** Publishes under a key, once. */
  publish(asked?: Partial<Asked<'evt'>>, once?: Once): ReturnType<Once>;
  /** What the claim's holder leaves who dies right before, or after, it appends; or knows no better. Gives the id. */
  leave(when: 'before' | 'after'): Promise<string>;
  published(): Promise<EventPublished[]>;
}

/** Nothing is projected but when it has to be. */
function fixture(t: TestContext): Fixture {
  const directory = temporaryDirectory(t);
  const log = openSqliteLog({ directory, serve: false });
  t.after(() => log.close());
  const views = openSqliteViews({ directory, definitions: projections.map(({ definition }) => definition) });
  t.after(() => views.close());
  const time = madeUpTime();
  const caughtUp = async () => {
    await projectToEnd({ log, views, projections });
    return true;
  };
  const restarted = (options: Partial<OnceOptions> = {}) => createOnce({ views, caughtUp, time, ...options });
  const once = restarted();
  const append = (stamp: Stamp<'evt'>) => {
    const { id: eventId, ...keyed } = stamp;
    return log.append([{ ...PUBLISHED, eventId, atMs: time.now(), ...keyed }]);
  };
  return {
    log,
    views,
    time,
    once,
    restarted,
    publish: (asked = {}, by = once) => by({ ...ASKED, ...asked }, (stamp) => append(stamp())),
    async leave(when) {
      let id = '';
      const left = once(ASKED, async (stamp) => {
        const stamped = stamp();
        id = stamped.id;
        if (when === 'after') await append(stamped);
        throw new LogUnavailable('nobody can say');
      });
      await assert.rejects(left, LogUnavailable);
      return id;
    },
    async published() {
      const all: EventPublished[] = [];
      for await (const { events } of log.read('organizations', { types: ['EventPublished'] }))
        all.push(...events.map(({ event }) => event as EventPublished));
      return all;
    },
  };
}

const ASKED: Asked<'evt'> = { scope: 'org_1 events', key: 'key 1', body: '{}', prefix: 'evt' };
const PUBLISHED = { type: 'EventPublished', organizationId: 'org_1', kind: 'k', data: '{}' } as const;

/** That it is refused so; gives the error. */
async function refused(promise: Promise<unknown>, why: OnceRefused['why']): Promise<OnceRefused> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OnceRefused, String(error));
  assert.equal(error.why, why);
  return error;
}

test('a hundred who ask at once are given one id, and one event is appended', async (t) => {
  const { publish, published, restarted } = fixture(t);
  const two = [restarted({ time: processTime() }), restarted({ time: processTime() })];
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => publish({}, two[n % 2])));
  const [event, ...others] = await published();
  assert.deepEqual(others, []);
  assert.deepEqual([...new Set(answers.map(({ id }) => id))], [event?.eventId]);
  assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
});

test('without a key each request is one of its own, whatever the read models are up to', async (t) => {
  const { publish, published, restarted } = fixture(t);
  const behind = restarted({ caughtUp: async () => false });
  const answers = [await publish({ key: undefined }, behind), await publish({ key: undefined }, behind)];
  const events = await published();
  assert.deepEqual(
    answers,
    events.map(({ eventId: id }) => ({ id, replayed: false })),
  );
  assert.deepEqual(
    events.map(({ keyHash, bodyHash }) => [keyHash, bodyHash]),
    [
      [null, null],
      [null, null],
    ],
  );
});

test('the same key elsewhere is another one, and with another body it is refused', async (t) => {
  const { publish, published } = fixture(t);
  const { id } = await publish();
  const elsewhere = await publish({ scope: 'org_2 events' });
  assert.equal(elsewhere.replayed, false);
  await refused(publish({ body: '{ }' }), 'REUSED');
  assert.deepEqual(await publish(), { id, replayed: true });
  assert.equal((await published()).length, 2);
});

test('a repeat is known by the read model alone, in another process too, for 24 hours', async (t) => {
  const { publish, published, views, time, restarted } = fixture(t);
  const { id } = await publish();
  while (await views.claims.expire(time.now() + DAY_MS));
  time.put(DAY_MS - 1);
  assert.deepEqual(await publish({}, restarted()), { id, replayed: true });
  await refused(publish({ body: 'other' }, restarted()), 'REUSED');
  time.put(1);
  const later = await publish({ body: 'other' }, restarted());
  assert.equal(later.replayed, false);
  assert.deepEqual(
    (await published()).map(({ eventId }) => eventId),
    [id, later.id],
  );
  assert.deepEqual(await publish({ body: 'other' }, restarted()), { id: later.id, replayed: true });
});

test('a claim that nobody has taken away counts no longer than 24 hours either', async (t) => {
  const { publish, time } = fixture(t);
  const { id } = await publish();
  time.put(DAY_MS);
  const later = await publish();
  assert.equal(later.replayed, false);
  assert.notEqual(later.id, id);
});

test('who is refused leaves the key free, and those who waited for it go on', async (t) => {
  const { once, publish, published } = fixture(t);
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const full = once(ASKED, async () => {
    await asked;
    throw new RangeError('one too many');
  });
  const waits = publish({ body: 'other' });
  ask();
  await assert.rejects(full, RangeError);
  assert.equal((await waits).replayed, false);
  assert.equal((await published()).length, 1);
});

test('who waits in vain is told when it is worth asking again', async (t) => {
  const { leave, publish, time, published } = fixture(t);
  await leave('before');
  const beganMs = time.elapsed();
  const { retryAfterSeconds } = await refused(publish(), 'IN_USE');
  assert.ok(time.elapsed() - beganMs >= 5_000);
  time.put(retryAfterSeconds * 1_000);
  assert.equal((await publish()).replayed, false);
  assert.equal((await published()).length, 1);
});

test('one who died before it was appended is followed under the same id, with whatever body', async (t) => {
  const { leave, publish, time, published } = fixture(t);
  const id = await leave('before');
  time.put(LEASE_OVER_MS);
  assert.deepEqual(await publish({ body: 'other' }), { id, replayed: false });
  assert.deepEqual(await publish({ body: 'other' }), { id, replayed: true });
  assert.deepEqual(
    (await published()).map(({ eventId }) => eventId),
    [id],
  );
});

test('of many who follow one who died, one does it', async (t) => {
  const { leave, publish, time, published, restarted } = fixture(t);
  const id = await leave('before');
  time.put(LEASE_OVER_MS);
  const now = time.now();
  const real = processTime();
  const two = [0, 1].map(() => restarted({ time: { ...real, now: () => now } }));
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => publish({}, two[n % 2])));
  assert.deepEqual([...new Set(answers.map((answer) => answer.id))], [id]);
  assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
  assert.equal((await published()).length, 1);
});

test('what was appended before its process died is found in the log, once the lease is over', async (t) => {
  const { leave, publish, time, published, restarted } = fixture(t);
  const id = await leave('after');
  await refused(publish(), 'IN_USE');
  time.put(LEASE_OVER_MS);
  await refused(publish({ body: 'other' }), 'REUSED');
  assert.deepEqual(await publish({}, restarted()), { id, replayed: true });
  assert.equal((await published()).length, 1);
});

test('a key is not taken before the read model has what was in the log at the start', async (t) => {
  const { publish, log, views, time, restarted } = fixture(t);
  const { id } = await publish();
  // As after a power cut, or when the files were deleted.
  while (await views.claims.expire(time.now() + DAY_MS));
  let isBehind = true;
  let asked = 0;
  const once = restarted({
    async caughtUp() {
      asked++;
      if (!isBehind) await projectToEnd({ log, views, projections });
      return !isBehind;
    },
  });
  const { retryAfterSeconds } = await refused(publish({}, once), 'CATCHING_UP');
  assert.equal(retryAfterSeconds, 1);
  isBehind = false;
  assert.deepEqual(await publish({}, once), { id, replayed: true });
  assert.equal((await publish({ key: 'key 2' }, once)).replayed, false);
  assert.equal(asked, 2, 'it is asked once more, and then no more');
});

test('who is too slow appends nothing, and leaves the key free', async (t) => {
  const { once, time, publish, published } = fixture(t);
  const slow = once(ASKED, async (stamp) => {
    time.put(3_001);
    stamp();
  });
  await refused(slow, 'TOO_SLOW');
  assert.equal((await publish()).replayed, false);
  assert.equal((await published()).length, 1);
});

test('claims go once their lease is over and the read model has what came of them, and not before', async (t) => {
  const { leave, publish, log, views, time } = fixture(t);
  await publish({ key: 'key 2' });
  await leave('before');
  const probe = { key: 'key', body: '', id: newId('evt', time.now()), untilMs: time.now(), done: false };
  await views.claims.claim(probe);
  const logger = pino({ level: 'silent' });
  const real = processTime();
  /** A sweeper goes through once, so many ms later. */
  const sweep = async (aheadMs: number) => {
    const { promise: swept, resolve } = Promise.withResolvers<void>();
    const after: Time['after'] = (ms, work) => {
      resolve();
      return real.after(ms, work);
    };
    const now = () => time.now() + aheadMs;
    const sweeper = startSweeper({ log, views, projections, logger, time: { ...real, now, after } });
    await swept;
    await sweeper.close();
  };
  /** What stands under the key of the probe: it comes back as it was. */
  const isThere = async () =>
    (await views.claims.claim({ ...probe, id: newId('evt', time.now()) })).id === probe.id;
  await sweep(3_600_000);
  assert.equal(await isThere(), true, 'the read model lags behind');
  await projectToEnd({ log, views, projections });
  await sweep(60_000);
  assert.equal(await isThere(), true, 'clocks differ');
  await sweep(60_001);
  assert.equal(await isThere(), false);
});
