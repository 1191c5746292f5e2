import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { type HooklaneEvent, TOPICS } from '../../src/events.ts';
import type { Batch } from '../../src/log/log.ts';
import { projections } from '../../src/projections/all.ts';
import { deliveries } from '../../src/projections/deliveries.ts';
import { inboundWebhooks } from '../../src/projections/inbound-webhooks.ts';
import { leastOffsets, projectBatch, topicsOf } from '../../src/projections/project.ts';
import { projectToEnd, startProjector } from '../../src/projections/projector.ts';
import { reached, reachedEnd } from '../../src/projections/reached.ts';
import { processTime } from '../../src/time.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { type ViewPositions, type Views, ViewsUnavailable } from '../../src/views/views.ts';
import { waitFor } from '../support/wait.ts';
import * as facts from './facts.ts';
import { caughtUp, everything, openStores } from './stores.ts';

const time = processTime();

const { id } = facts;
const logger = pino({ level: 'silent' });

/** An inbound webhook that becomes a log, of which a webhook tells. */
function story(n: number): HooklaneEvent[] {
  const inboundId = id('in', n);
  const eventId = id('evt', n);
  const webhookId = id('wh', n);
  return [
    facts.logReceived({ id: inboundId }),
    facts.logRecorded({ inboundId }),
    facts.scheduled({ webhookId, eventId }),
    facts.attemptStarted({ webhookId }),
    facts.processed({ webhookId }),
  ];
}

test('the projector follows the log: what was there, and what comes', async (t) => {
  const { log, views, follow } = openStores(t);
  await log.append([facts.organizationCreated(), ...story(0)]);
  follow();
  await caughtUp(log, views);
  assert.equal((await views.get('inboundWebhooks', id('in')))?.status, 'processed');
  await log.append(story(1));
  await caughtUp(log, views);
  assert.equal((await views.get('deliveries', id('wh', 1)))?.status, 'processed');
  assert.equal((await views.get('organizations', id('org')))?.sentLastWebhookAt, facts.AT);
});

test('a projector that was closed goes on where it ended', async (t) => {
  const { log, views, openViews, follow } = openStores(t);
  await log.append(story(0));
  const first = follow();
  await caughtUp(log, views);
  await first.close();
  await views.close();
  await log.append(story(1));
  const again = openViews();
  assert.equal(await again.get('logs', id('log', 1)), undefined);
  follow(again);
  await caughtUp(log, again);
  assert.equal(await again.count('logs'), 2);
});

test('close() ends the projector, and nothing is projected after it', async (t) => {
  const { log, views, follow } = openStores(t);
  const projector = follow();
  await projector.close();
  await projector.close();
  await projector.ended;
  await log.append(story(0));
  assert.equal(await views.count('logs'), 0);
});

test('read models that were deleted come back from the log, the same', async (t) => {
  const { directory, log, views, openViews, follow } = openStores(t);
  await log.append([facts.organizationCreated(), facts.endpointCreated(), ...story(0), ...story(1)]);
  const first = follow();
  await caughtUp(log, views);
  const before = await everything(views);
  await first.close();
  await views.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `views.db${suffix}`), { force: true });
  const anew = openViews();
  assert.equal(await anew.count('logs'), 0);
  follow(anew);
  await caughtUp(log, anew);
  assert.deepEqual(await everything(anew), before);
  assert.equal(before.deliveries?.length, 2);
});

test('a view that is declared for the first time is filled from the start of the log', async (t) => {
  const { directory, log, openViews, views } = openStores(t);
  await views.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `views.db${suffix}`), { force: true });
  const known = projections.filter(({ definition }) => definition.name !== 'logs');
  const before = openSqliteViews({ directory, definitions: known.map(({ definition }) => definition) });
  await log.append([...story(0), ...story(1)]);
  await projectToEnd({ log, views: before, projections: known });
  await before.close();
  const after = openViews();
  assert.equal(await after.count('logs'), 0);
  await projectToEnd({ log, views: after, projections });
  assert.equal(await after.count('logs'), 2);
  assert.equal((await after.get('deliveries', id('wh')))?.status, 'processed');
});

/** Views whose apply() fails as told before it works. */
function failing(views: Views, failures: Error[]): { views: Views; calls: () => number } {
  let calls = 0;
  const apply: Views['apply'] = async (batch) => {
    calls++;
    const failure = failures.shift();
    if (failure) throw failure;
    return views.apply(batch);
  };
  return { views: { ...views, apply }, calls: () => calls };
}

test('while the store is away the projector tries again, and loses nothing', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.logRecorded()]);
  const away = failing(views, [new ViewsUnavailable('away'), new ViewsUnavailable('away')]);
  const projector = startProjector({ log, views: away.views, projections, logger, time });
  await waitFor('the log to be projected', async () => (await views.count('logs')) === 1);
  await projector.close();
  assert.ok(away.calls() >= 3);
});

test('close() does not wait for a store that stays away', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.logRecorded()]);
  const away = failing(
    views,
    Array.from({ length: 1_000 }, () => new ViewsUnavailable('away')),
  );
  const projector = startProjector({ log, views: away.views, projections, logger, time });
  await waitFor('a first try', () => away.calls() > 0);
  await projector.close();
  assert.equal(await views.count('logs'), 0);
});

test('an error that is no outage ends the projector, and is told', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.logRecorded()]);
  const broken = failing(views, [new Error('a bug')]);
  const projector = startProjector({ log, views: broken.views, projections, logger, time });
  await assert.rejects(projector.ended, /a bug/);
  await assert.rejects(projector.close(), /a bug/);
});

test('projectToEnd() projects what is there, and returns', async (t) => {
  const { log, views } = openStores(t);
  await log.append(story(0));
  await projectToEnd({ log, views, projections });
  await projectToEnd({ log, views, projections });
  assert.equal((await views.get('deliveries', id('wh')))?.status, 'processed');
  assert.equal(await views.count('logs'), 1);
});

test('reached() tells whether all views have taken events in, within its time', async (t) => {
  const { log, views, follow } = openStores(t);
  const options = { views, projections, withinMs: 0 };
  assert.equal(await reachedEnd(log, options), true);
  const positions = await log.append([...story(0), ...story(1)]);
  assert.equal(await reached(positions, options), false);
  assert.equal(await reachedEnd(log, options), false);
  follow();
  assert.equal(await reached(positions, { ...options, withinMs: 20_000 }), true);
  assert.equal(await reachedEnd(log, { ...options, withinMs: 20_000 }), true);
  assert.equal(await views.count('logs'), 2);
});

test('live read models are the same however the log was cut into batches', async (t) => {
  const { log, views, openViews } = openStores(t);
  await fc.assert(
    fc.asyncProperty(facts.histories(30), fc.integer({ min: 1, max: 7 }), async (history, size) => {
      for (let i = 0; i < history.length; i += size) {
        await log.append(history.slice(i, i + size));
        await projectToEnd({ log, views, projections });
      }
    }),
    { numRuns: 25 },
  );
  const live = await everything(views);
  for (const { definition } of projections) {
    const shadow = await views.shadow(definition.name);
    for (const topic of definition.topics.toReversed()) {
      for await (const batch of log.read(topic, { batch: 13 })) {
        await shadow.apply(
          projectBatch(
            projections.filter((projection) => projection.definition.name === definition.name),
            batch,
          ),
        );
      }
    }
    assert.equal(await shadow.swap(), true);
  }
  assert.deepEqual(await everything(openViews()), live);
  assert.ok(Object.values(live).every((texts) => texts.length > 2));
});

// ── from batches to patches ─────────────────────────────────────────────────────────────────────────────────────

test('a batch becomes the patches of those views that are made from its topic, each with its cause', () => {
  const event = facts.scheduled();
  const batch: Batch<'outbound'> = {
    topic: 'outbound',
    partition: 3,
    events: [{ topic: 'outbound', partition: 3, offset: 7, event }],
    next: 9,
    end: 20,
  };
  const { patches, positions } = projectBatch([deliveries, inboundWebhooks], batch);
  assert.deepEqual(positions, [{ topic: 'outbound', partition: 3, offset: 9 }]);
  assert.deepEqual(
    patches.map(({ view, cause }) => ({ view, cause })),
    [{ view: 'deliveries', cause: { topic: 'outbound', partition: 3, offset: 7 } }],
  );
});

test('a topic is read from where the view that is least far has ended', async () => {
  const at: Record<string, ViewPositions> = {
    organizations: { organizations: { 0: 5, 1: 9 } },
    inboundWebhooks: { organizations: { 0: 7, 1: 2, 2: 4 }, inbound: { 0: 3 } },
  };
  const two = projections.filter(({ definition }) => definition.name in at);
  const views = { positions: async (view: string) => at[view] ?? {} };
  assert.deepEqual(await leastOffsets('organizations', two, views), { 0: 5, 1: 2 });
  assert.deepEqual(await leastOffsets('inbound', two, views), { 0: 3 });
  assert.deepEqual(await leastOffsets('outbound', two, views), {});
});

test('the lanes are read by nobody here', () => {
  assert.deepEqual(topicsOf(projections).sort(), TOPICS.filter((topic) => topic !== 'lanes').sort());
});
