// Pruning: what goes, what stays, and that read models are the same live and rebuilt, also when it is cut off anywhere.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { HooklaneEvent } from '../../src/events.ts';
import { leastId, type Prefix } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { PruneRefused, prune } from '../../src/projections/prune.ts';
import { historyIdOf } from '../../src/projections/pruning.ts';
import { compare, rebuild, rebuildTogether } from '../../src/projections/rebuild.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Views } from '../../src/views/views.ts';
import { lane, pending } from '../contract/log-kit.ts';
import { EXAMPLES } from '../log/examples.ts';
import { temporaryDirectory } from '../support/directory.ts';
import * as facts from './facts.ts';
import { everything, openStores } from './stores.ts';
import { eventsOf, HOUR_MS, idAt, stories, workedOff } from './stories.ts';

const CONFIGURATION: HooklaneEvent[] = [0, 1].flatMap((n) => {
  const own = { organizationId: facts.id('org', n) };
  return [
    facts.organizationCreated(own),
    facts.projectCreated({ ...own, projectId: facts.id('prj', n) }),
    facts.integrationCreated({ ...own, integrationId: facts.id('int', n), projectId: facts.id('prj', n) }),
    facts.endpointCreated({ ...own, endpointId: facts.id('ep', n) }),
  ];
});
/** After all that is pruned. */
const NOW_MS = facts.AT_MS + 240 * HOUR_MS;
const BY = { by: 'root', clock: () => NOW_MS };
const HISTORY = ['idempotencyKeys', 'inboundWebhooks', 'logs', 'triggers', 'deliveries'];

async function differing(log: Log, views: Views): Promise<string[]> {
  const found: string[] = [];
  await projectToEnd({ log, views, projections });
  for (const projection of projections) {
    const { differences } = await compare(projection, { log, views });
    if (differences > 0) found.push(projection.definition.name);
  }
  return found;
}

async function eventsIn(log: Log): Promise<HooklaneEvent[]> {
  const all: HooklaneEvent[] = [];
  for (const topic of ['inbound', 'organizations', 'outbound'] as const) {
    for await (const { events } of log.read(topic)) all.push(...events.map(({ event }) => event));
  }
  return all;
}

function isOld(id: string, beforeMs: number): boolean {
  return id < leastId(id.split('_')[0] as Prefix, beforeMs);
}

/** The log, in which the `limit`th step of pruning fails before it is done. */
function dyingAfter(log: Log, limit: number): Log {
  const { pruning } = log;
  assert.ok(pruning);
  let steps = 0;
  const step = <T>(work: () => Promise<T>): Promise<T> => {
    if (steps++ === limit) throw new Error('killed');
    return work();
  };
  return {
    ...log,
    pruning: {
      ...pruning,
      begin: (beforeMs) => step(() => pruning.begin(beforeMs)),
      rewrite: (rewrite) => step(() => pruning.rewrite(rewrite)),
    },
  };
}

test('what is old goes, all else stays, and live read models equal rebuilt ones, wherever it is cut off', async (t) => {
  await fc.assert(
    fc.asyncProperty(stories, fc.nat({ max: 110 }), fc.nat({ max: 110 }), async (all, first, second) => {
      const { log, views, openViews } = openStores(t);
      await log.append(CONFIGURATION);
      await log.append(eventsOf(all));
      for (const beforeMs of [first, second].map((hours) => facts.AT_MS + hours * HOUR_MS)) {
        await workedOff(log);
        await projectToEnd({ log, views, projections });
        const before = await everything(views);
        // What else is in the log is as old, or decides by itself how old that is.
        const options = { views, projections, beforeMs, dryRun: false, by: 'root', clock: () => beforeMs };
        for (let steps = 0; ; steps++) {
          try {
            await prune({ ...options, log: dyingAfter(log, steps) });
            break;
          } catch (error) {
            assert.equal((error as Error).message, 'killed');
            assert.deepEqual(await differing(log, views), []);
          }
        }
        assert.deepEqual(await differing(log, openViews()), []);
        const after = await everything(views);
        for (const [view, texts] of Object.entries(before)) {
          if (view === 'audit') continue;
          const kept = texts.filter(
            (text) => !HISTORY.includes(view) || !isOld(JSON.parse(text).id, beforeMs),
          );
          assert.deepEqual(after[view], kept, view);
        }
        // What is left of what is old is at most the newest event of a partition.
        const left = (await eventsIn(log))
          .map(historyIdOf)
          .filter((id) => id !== undefined && isOld(id, beforeMs));
        assert.ok(left.length <= 6, `${left.length} are left`);
        // One stands for all logs of a group that went, one for all webhooks of an organization.
        const standing = (await eventsIn(log)).filter(({ type }) => /^(Logs|Webhooks)Pruned$/.test(type));
        assert.ok(standing.length <= 2 * 3 + 2, `${standing.length} stand for others`);
        // Nothing is left to do.
        const again = await prune({ ...options, log });
        assert.equal(
          again.reduce((sum, { events }) => sum + events, 0),
          0,
        );
      }
      await projectToEnd({ log, views, projections });
      const live = await everything(views);
      for (const projection of projections) await rebuild(projection, { log, views });
      assert.deepEqual(await everything(views), live);
    }),
    { numRuns: 12 },
  );
});

test('one event stands for others, also when what is older went later and lies before it in the log', async (t) => {
  const { log, views } = openStores(t);
  await log.append(CONFIGURATION);
  const recorded = (n: number, hours: number) =>
    facts.logRecorded({
      inboundId: idAt('in', hours, n),
      inboundOffset: n,
      organizationId: facts.id('org', 0),
      projectId: facts.id('prj', 0),
    });
  const started = (n: number, hours: number) =>
    facts.attemptStarted({ webhookId: idAt('wh', hours, n), organizationId: facts.id('org', 0) });
  // The second of each is the older one; the last ones stay, as the newest of their partitions.
  await log.append([recorded(0, 8), recorded(1, 2), recorded(2, 20)]);
  await log.append([started(0, 8), started(1, 2), started(2, 20)]);
  await workedOff(log);
  for (const hours of [5, 10]) {
    await projectToEnd({ log, views, projections });
    const beforeMs = facts.AT_MS + hours * HOUR_MS;
    await prune({ log, views, projections, beforeMs, dryRun: false, ...BY });
    const standing = (await eventsIn(log)).filter(({ type }) => /^(Logs|Webhooks)Pruned$/.test(type));
    assert.deepEqual(standing.map(({ type }) => type).sort(), ['LogsPruned', 'WebhooksPruned']);
    assert.deepEqual(await differing(log, views), []);
  }
});

test('read models that were lost come back without what is gone, and with its counts', async (t) => {
  const { log, views } = openStores(t);
  await log.append(CONFIGURATION);
  await log.append(eventsOf(Array.from({ length: 12 }, (_, n) => ({ n, hours: 2 * n, later: 0, late: 0 }))));
  await workedOff(log);
  await projectToEnd({ log, views, projections });
  await prune({ log, views, projections, beforeMs: facts.AT_MS + 12 * HOUR_MS, dryRun: false, ...BY });
  await projectToEnd({ log, views, projections });
  const anew = openSqliteViews({
    directory: temporaryDirectory(t),
    definitions: projections.map(({ definition }) => definition),
  });
  t.after(() => anew.close());
  await projectToEnd({ log, views: anew, projections });
  const [live, rebuilt] = [await everything(views), await everything(anew)];
  assert.equal(live.deliveries?.length, 6);
  // What was made of configuration is there again, as that is.
  for (const { definition } of projections) {
    if (definition.name !== 'triggers') assert.deepEqual(rebuilt[definition.name], live[definition.name]);
  }
});

test('a dry run says what would go, by topic and type, and changes nothing', async (t) => {
  const { log, views } = openStores(t);
  await log.append(eventsOf(Array.from({ length: 6 }, (_, n) => ({ n, hours: n, later: 0, late: 0 }))));
  await workedOff(log);
  await projectToEnd({ log, views, projections });
  const before = await eventsIn(log);
  const beforeMs = facts.AT_MS + 3 * HOUR_MS;
  const would = await prune({ log, views, projections, beforeMs, dryRun: true, ...BY });
  assert.deepEqual(await eventsIn(log), before);
  assert.equal((await everything(views)).logs?.length, 6);
  assert.equal(await log.pruning?.prunedBeforeMs(), 0);
  const did = await prune({ log, views, projections, beforeMs, dryRun: false, ...BY });
  assert.deepEqual(
    did.map(({ bytes, ...rest }) => rest),
    would.map(({ bytes, ...rest }) => rest),
  );
  assert.deepEqual(
    did.map(({ topic, types }) => [topic, types.LogRecorded ?? types.LogReceived ?? types.AttemptStarted]),
    [
      ['inbound', 3],
      ['organizations', 3],
      ['outbound', 3],
    ],
  );
  assert.ok(did.every(({ bytes }) => bytes > 0));
  assert.equal(await log.pruning?.prunedBeforeMs(), beforeMs);
});

test('what is written while it is pruned stays, as old as it may be', async (t) => {
  const { log, views } = openStores(t);
  await log.append(eventsOf(Array.from({ length: 6 }, (_, n) => ({ n, hours: n, later: 0, late: 0 }))));
  await workedOff(log);
  await projectToEnd({ log, views, projections });
  const wish = { ...EXAMPLES.WebhookRetryRequested, webhookId: facts.id('wh') };
  const asking: Views = {
    ...views,
    async forget(view, beforeMs) {
      const { organizationId } = wish;
      if (view === 'deliveries') await log.append([wish, facts.eventPublished({ organizationId })]);
      await views.forget(view, beforeMs);
    },
  };
  await prune({ log, views: asking, projections, beforeMs: facts.AT_MS + 5 * HOUR_MS, dryRun: false, ...BY });
  assert.deepEqual(
    (await eventsIn(log)).filter(({ type }) => type === wish.type),
    [wish],
  );
});

/** The log, in which whoever reads on after `count` batches waits for `then` first, once. */
function interrupting(log: Log, count: number, then: () => Promise<unknown>): Log {
  let batches = 0;
  return {
    ...log,
    async *read(topic, options) {
      for await (const batch of log.read(topic, options)) {
        yield batch;
        if (++batches === count) await then();
      }
    },
  };
}

for (const batches of [1, 7, 12]) {
  test(`a log that is pruned while read models are made of it, after batch ${batches}, makes the same of them`, async (t) => {
    const many = Array.from({ length: 2_500 }, (_, n) => ({ n, hours: n % 110, later: n % 3, late: n % 2 }));
    const beforeMs = facts.AT_MS + 60 * HOUR_MS;
    const pruned: Record<string, string[]>[] = [];
    for (const isRebuilt of [true, false]) {
      const { log, views } = openStores(t);
      await log.append(CONFIGURATION);
      await log.append(eventsOf(many));
      await workedOff(log);
      await projectToEnd({ log, views, projections });
      let interrupted = false;
      const prunes = async () => {
        interrupted = true;
        await prune({ log, views, projections, beforeMs, dryRun: false, ...BY });
      };
      if (isRebuilt) await rebuildTogether(projections, { log: interrupting(log, batches, prunes), views });
      else await prunes();
      assert.ok(interrupted);
      assert.deepEqual(await differing(log, views), []);
      pruned.push(await everything(views));
    }
    assert.deepEqual(pruned[0], pruned[1]);
  });
}

/** A log in which all but one thing has been worked off, and why that is refused. */
const OPEN: [what: string, prepare: (log: Log, views: Views) => Promise<void>, why: RegExp][] = [
  [
    'nobody has recorded',
    async (log, views) => projectToEnd({ log, views, projections }),
    /the recorder has not read in_/,
  ],
  ['a read model has not read', async (log) => workedOff(log), /the read model \w+ has not read \w+/],
  [
    'is pending',
    async (log, views) => {
      const old = { ...pending('a', facts.id('wh').slice(3), 0), eventId: facts.id('evt') };
      await log.append([old]);
      await workedOff(log);
      await projectToEnd({ log, views, projections });
    },
    /wh_\w+ is pending; --before 2026-01-31T10:\S+Z would do/,
  ],
  [
    'is on its way in',
    async (log, views) => {
      await log.append([{ ...lane('a', 0), importing: 'held' }]);
      await workedOff(log);
      await projectToEnd({ log, views, projections });
    },
    /org_a is being imported/,
  ],
];

for (const [what, prepare, why] of OPEN) {
  test(`nothing is taken out while something old ${what}`, async (t: TestContext) => {
    const { log, views } = openStores(t);
    await log.append(
      eventsOf([
        { n: 0, hours: 0, later: 0, late: 0 },
        { n: 2, hours: 9, later: 0, late: 0 },
      ]),
    );
    await prepare(log, views);
    const before = [await eventsIn(log), await everything(views)];
    const options = { log, views, projections, beforeMs: facts.AT_MS + 5 * HOUR_MS, dryRun: false, ...BY };
    await assert.rejects(prune(options), (error) => error instanceof PruneRefused && why.test(error.message));
    assert.deepEqual([await eventsIn(log), await everything(views)], before);
  });
}

test('a log of another engine is refused, with what to do there', async (t) => {
  const { log, views } = openStores(t);
  const { pruning: _, ...others } = log;
  const options = { log: others, views, projections, beforeMs: 1, dryRun: false, ...BY };
  await assert.rejects(prune(options), /HOOKLANE_KAFKA_RETENTION/);
});
