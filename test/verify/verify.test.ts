// The loop: what it reads, up to where, in how much memory; and that it finds nothing in what recorder and dispatcher do.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import type { Report } from '../../src/verify/report.ts';
import { type VerifiedLog, verify } from '../../src/verify/verify.ts';
import { openLog as openKafkaLog } from '../log/kafka-open.ts';
import {
  attemptStarted,
  endpointCreated,
  id,
  logReceived,
  logRecorded,
  organizationCreated,
  processed,
  scheduled,
} from '../projections/facts.ts';
import { missing, uniquePrefix } from '../support/engines.ts';
import {
  eventsIn,
  exported,
  imported,
  livedThrough,
  organizationId as moved,
  OTHER,
  outboundWhen,
  posted,
  published,
  serve,
  sqliteLog,
} from '../transfer/moving.ts';
import { type History, judge } from './history.ts';

/** How often each check has been made. */
function counts({ checks }: Report): Record<string, number> {
  return Object.fromEntries(checks.map(({ name, checked }) => [name, checked]));
}

/** Many webhooks, of which some things are wrong. */
function manyOf(count: number): History {
  const history = { inbound: [] as HooklaneEvent[], outbound: [] as HooklaneEvent[] };
  const organizations: HooklaneEvent[] = [organizationCreated(), endpointCreated({ gapMs: 0 })];
  for (let n = 0; n < count; n++) {
    const ids = { webhookId: newId('wh'), eventId: id('evt', n) };
    history.inbound.push(logReceived({ id: id('in', n) }));
    if (n % 10 !== 1) organizations.push(logRecorded({ inboundId: id('in', n) }));
    if (n % 10 === 2) continue;
    history.outbound.push(scheduled(ids), attemptStarted(ids));
    if (n % 10 !== 3) history.outbound.push(processed(ids));
  }
  return { ...history, organizations };
}

test('ids that are too many to be remembered at once are gone through in portions: the same is found', async () => {
  const history = manyOf(200);
  const options = { limit: 1_000 };
  const whole = await judge(history, options);
  assert.deepEqual([whole.open.pending, whole.findings.length], [20, 20 + 20 + 20]);
  const parts = await judge(history, { ...options, maxIds: 50 });
  const sorted = ({ findings }: Report) => findings.map(({ message }) => message).sort();
  assert.deepEqual(sorted(parts), sorted(whole));
  assert.deepEqual({ ...parts, findings: [] }, { ...whole, findings: [] });
});

test('all findings are counted, and the first ones told', async () => {
  const { findings, checks } = await judge(manyOf(200), { limit: 3 });
  assert.equal(findings.length, 3);
  assert.equal(checks.find(({ name }) => name === 'webhooks')?.findings, 40);
});

test('an empty log has nothing wrong with it', async () => {
  const { events, findings, checks } = await judge({});
  assert.deepEqual([events, findings], [0, []]);
  assert.ok(checks.every(({ checked }) => checked === 0));
});

test('progress is told up to all there is, and an abort is heard', async () => {
  const told: [number, number][] = [];
  await judge(manyOf(20), { onProgress: (done, total) => told.push([done, total]) });
  const [done, total] = told.at(-1) ?? [];
  assert.ok(done !== undefined && done > 0);
  assert.equal(done, total);
  const reason = new Error('enough');
  await assert.rejects(judge(manyOf(20), { signal: AbortSignal.abort(reason) }), reason);
});

const ENGINES: [name: string, skip: false | string, open: (t: TestContext) => Promise<Log>][] = [
  ['SQLite', false, async (t) => sqliteLog(t)],
  ['Kafka', missing('kafka'), (t) => openKafkaLog(t, { prefix: uniquePrefix(), partitions: 4 })],
];

for (const [name, skip, open] of ENGINES) {
  test(`what recorder and dispatcher do is right, and so is what moves in (${name})`, { skip }, async (t) => {
    const log = await open(t);
    const { good } = await livedThrough(t, log);
    const report = await verify({ log });
    assert.deepEqual(report.findings, []);
    // Three logs and an event, for three endpoints, save what was not dispatched: one log, and one event.
    assert.deepEqual(
      { ...counts(report), places: 0 },
      {
        records: 4,
        webhooks: 9,
        transitions: 19,
        attempts: 5,
        gaps: 0,
        digests: 0,
        order: 9,
        ids: 23,
        places: 0,
      },
    );
    assert.deepEqual(report.open, { toRecord: 2, toDispatch: 6, pending: 5, clocksPutBack: 0 });

    const target = sqliteLog(t, 4);
    const path = await exported(t, log);
    const result = await imported(path, target);
    assert.deepEqual((await verify({ log: target })).findings, [], 'before a dispatcher has seen it');
    const system = serve(target);
    t.after(() => system.stop());
    await outboundWhen(target, result.outbound + 4 * (3 + 2));
    const after = await verify({ log: target });
    assert.deepEqual(after.findings, []);
    assert.deepEqual([after.open.toRecord, after.open.toDispatch], [0, 0]);
    assert.ok(good.arrivals.length > 0);

    const narrowed = await verify({ log }, { organizationId: OTHER });
    assert.deepEqual([narrowed.findings, counts(narrowed).records], [[], 1]);
  });

  test(`what comes while it reads is no finding (${name})`, { skip }, async (t) => {
    const log = await open(t);
    await livedThrough(t, log);
    const system = serve(log);
    t.after(() => system.stop());
    /** A log to which something comes before each answer, and is worked off meanwhile. */
    const growing: VerifiedLog = {
      partitions: log.partitions,
      read: (topic, options) => log.read(topic, options),
      positions: (group, topic) => afterMore(() => log.positions(group, topic)),
      ends: (topic) => afterMore(() => log.ends(topic)),
    };
    async function afterMore<T>(answer: () => Promise<T>): Promise<T> {
      const before = (await eventsIn(log, 'outbound')).length;
      await log.append([posted('more'), published('order.paid')]);
      const answered = await answer();
      await outboundWhen(log, before + 1);
      return answered;
    }
    for (let rounds = 0; rounds < 3; rounds++)
      assert.deepEqual((await verify({ log: growing })).findings, []);
    assert.deepEqual((await verify({ log: growing }, { organizationId: moved })).findings, []);
  });
}
