// Read models that are kept for a while only, made by the projections there are: whatever was read in which order, what
// is live is what a rebuild makes, and what a rebuild that keeps everything would make but for what is too old.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import type { Topic } from '../../src/events.ts';
import { leastId } from '../../src/ids.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { projections } from '../../src/projections/all.ts';
import { projectBatch } from '../../src/projections/project.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { compare, rebuild } from '../../src/projections/rebuild.ts';
import { startRenewal } from '../../src/projections/renewal.ts';
import { startSweeper } from '../../src/projections/sweeper.ts';
import { processTime } from '../../src/time.ts';
import { openMongoViews } from '../../src/views/mongo.ts';
import type { Retention } from '../../src/views/retention.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Views } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { missing } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { emptyDatabase } from '../views/mongo-database.ts';
import * as facts from './facts.ts';
import { everything } from './stores.ts';
import { eventsOf, HOUR_MS, stories } from './stories.ts';

const definitions = projections.map(({ definition }) => definition);
const logger = pino({ level: 'silent' });
const TOPICS: readonly Topic[] = ['inbound', 'organizations', 'outbound'];

type Open = (retention?: Retention) => Promise<Views>;

const ENGINES: [name: string, skip: false | string, open: (t: TestContext) => Open][] = [
  ['SQLite', false, onSqlite],
  ['MongoDB', missing('mongodb'), onMongo],
];

function onSqlite(t: TestContext): Open {
  const directory = temporaryDirectory(t);
  return async (retention) =>
    closedAfter(t, openSqliteViews({ directory, definitions, ...(retention && { retention }) }));
}

function onMongo(t: TestContext): Open {
  const url = emptyDatabase(t);
  return async (retention) =>
    closedAfter(t, await openMongoViews({ url, definitions, ...(retention && { retention }) }));
}

function closedAfter<T extends { close(): Promise<void> }>(t: TestContext, one: T): T {
  t.after(() => one.close());
  return one;
}

/** Rebuilds all views and says what they hold. */
async function rebuilt(log: Parameters<typeof rebuild>[1]['log'], views: Views) {
  for (const projection of projections) await rebuild(projection, { log, views });
  return everything(views);
}

const PAYLOAD_FIELDS = /"(payload|headers|stack|tags|user|extra|data)":|"responseBody":"/;

for (const [engine, skip, newStore] of ENGINES) {
  test(`${engine}: what is live under a retention is what a rebuild makes, at any time`, {
    skip,
  }, async (t) => {
    const retention = { documentsMs: 40 * HOUR_MS, payloadsMs: 15 * HOUR_MS };
    let hidden = 0;
    await fc.assert(
      fc.asyncProperty(
        stories,
        fc.array(fc.record({ topic: fc.nat({ max: 2 }), batch: fc.integer({ min: 1, max: 9 }) })),
        async (all, steps) => {
          const log = openSqliteLog({ directory: temporaryDirectory(t), partitions: 1, serve: false });
          const open = newStore(t);
          const views = await open(retention);
          try {
            const events = eventsOf(all);
            await log.append(events);
            // The topics overtake each other as it happens.
            for (const { topic, batch } of steps) {
              const name = TOPICS[topic] ?? 'inbound';
              const from =
                (await views.positions(definitions.find(({ topics }) => topics.includes(name))?.name ?? ''))[
                  name
                ] ?? {};
              for await (const one of log.read(name, { from, batch })) {
                await views.apply(projectBatch(projections, one));
                break;
              }
              for (const { name: view } of definitions) await views.sweep(view);
            }
            await projectToEnd({ log, views, projections });
            const live = await everything(views);
            for (const projection of projections) {
              assert.equal(
                (await compare(projection, { log, views })).differences,
                0,
                projection.definition.name,
              );
            }
            assert.deepEqual(await rebuilt(log, views), live);

            // But for what is too old it is what it would be without a retention.
            const whole = await rebuilt(log, await open());
            const newestMs = Math.max(...all.map(({ hours, later, late }) => hours + later + late));
            for (const view of ['logs', 'deliveries', 'inboundWebhooks', 'triggers']) {
              const [kept, gone] = [live[view] ?? [], (whole[view] ?? []).length - (live[view] ?? []).length];
              hidden += gone;
              // Each view has its own newest event, and may keep more; none keeps less.
              for (const text of whole[view] ?? []) {
                const { id } = JSON.parse(text);
                const isOld = (hours: number) =>
                  id < leastId(id.split('_')[0], facts.AT_MS + (newestMs - hours) * HOUR_MS);
                if (!isOld(15)) assert.ok(kept.includes(text), `${id} is as it was`);
                if (!isOld(40))
                  assert.ok(
                    kept.some((one) => one.includes(id)),
                    `${id} is there`,
                  );
              }
            }
            for (const view of ['organizations', 'projects', 'integrations', 'endpoints', 'logGroups']) {
              assert.deepEqual(live[view], whole[view]);
            }
          } finally {
            await log.close();
            await views.close();
          }
        },
      ),
      { numRuns: engine === 'SQLite' ? 15 : 4 },
    );
    assert.ok(hidden > 0, 'something was too old');
  });

  test(`${engine}: a longer retention brings back what was gone, by itself; a shorter one is swept`, {
    skip,
  }, async (t) => {
    const log = closedAfter(
      t,
      openSqliteLog({ directory: temporaryDirectory(t), partitions: 2, serve: false }),
    );
    const open = newStore(t);
    const all = Array.from({ length: 30 }, (_, n) => ({ n, hours: 2 * n, later: 0, late: 0 }));
    await log.append(eventsOf(all));
    const whole = await open();
    await projectToEnd({ log, views: whole, projections });
    const before = await everything(whole);
    assert.deepEqual(
      [before.logs?.length, before.logs?.filter((text) => PAYLOAD_FIELDS.test(text)).length],
      [30, 30],
    );

    const short = await open({ documentsMs: 20 * HOUR_MS, payloadsMs: 4 * HOUR_MS });
    const sweeper = startSweeper({ log, views: short, projections, logger, time: processTime() });
    await waitFor('what is too old to be gone', async () => (await short.count('deliveries')) === 11);
    await sweeper.close();
    const after = await everything(whole);
    for (const view of ['logs', 'inboundWebhooks', 'deliveries']) {
      assert.equal(after[view]?.length, 11, view);
      assert.equal(after[view]?.filter((text) => PAYLOAD_FIELDS.test(text)).length, 3, view);
    }
    assert.equal(after.triggers?.filter((text) => PAYLOAD_FIELDS.test(text)).length, 3);

    // Whatever is configured where one compares.
    for (const projection of projections) {
      const { differences } = await compare(projection, { log, views: whole });
      assert.equal(differences, 0, projection.definition.name);
    }
    assert.equal(await short.isOutdated('logs'), false);
    assert.equal(await whole.isOutdated('logs'), true);
    assert.equal(await whole.isOutdated('logGroups'), false);
    const renewal = startRenewal({ log, views: whole, projections, logger, time: processTime() });
    await renewal.ended;
    assert.deepEqual(await everything(whole), before);
  });
}
