import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Log } from '../../src/log/log.ts';
import { projections } from '../../src/projections/all.ts';
import { endpoints } from '../../src/projections/endpoints.ts';
import { logs } from '../../src/projections/logs.ts';
import { organizations } from '../../src/projections/organizations.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { compare, rebuild, rebuildTogether } from '../../src/projections/rebuild.ts';
import { RebuildRuns, type Views, ViewsRefused } from '../../src/views/views.ts';
import * as facts from './facts.ts';
import { caughtUp, everything, openStores, tamper } from './stores.ts';

const { id } = facts;

function recordedLogs(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => facts.logRecorded({ inboundId: id('in', from + i) }));
}

test('a rebuilt view equals the live one, byte for byte, whatever has happened', async (t) => {
  const { log, views } = openStores(t);
  await fc.assert(
    fc.asyncProperty(facts.histories(40), async (history) => {
      await log.append(history);
      await projectToEnd({ log, views, projections });
      const live = await everything(views);
      for (const projection of projections) {
        const { differences } = await compare(projection, { log, views });
        assert.equal(differences, 0, projection.definition.name);
        await rebuild(projection, { log, views });
      }
      assert.deepEqual(await everything(views), live);
      await rebuildTogether(projections, { log, views });
      assert.deepEqual(await everything(views), live);
    }),
    { numRuns: 15 },
  );
});

test('a rebuild appends nothing to the log', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.organizationCreated(), facts.endpointCreated(), facts.scheduled()]);
  const ends = () => Promise.all((['inbound', 'organizations', 'outbound', 'lanes'] as const).map(log.ends));
  const before = await ends();
  for (const projection of projections) {
    await rebuild(projection, { log, views });
    await compare(projection, { log, views });
  }
  assert.deepEqual(await ends(), before);
});

test('a rebuild mends what was tampered with, and says how many events it has read', async (t) => {
  const { directory, log, views } = openStores(t);
  await log.append(recordedLogs(0, 5));
  await projectToEnd({ log, views, projections });
  const before = await everything(views);
  tamper(directory, 'logs', id('in', 3), 'in_other');
  assert.notDeepEqual(await everything(views), before);
  const progress: [number, number][] = [];
  const { events } = await rebuild(logs, {
    log,
    views,
    onProgress: (done, total) => progress.push([done, total]),
  });
  assert.equal(events, 5);
  assert.deepEqual(progress.at(-1), [5, 5]);
  assert.ok(progress.every(([done, total]) => done <= total));
  assert.deepEqual(await everything(views), before);
});

test('a rebuild while events are written and projected loses nothing', async (t) => {
  const { log, views, openViews, follow } = openStores(t);
  await log.append(recordedLogs(0, 500));
  follow();
  let written = 500;
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      await log.append(recordedLogs(written, written + 20));
      written += 20;
    }
  })();
  // From another handle, as another process would.
  const rebuilder = openViews();
  try {
    for (let round = 0; round < 3; round++) await rebuild(logs, { log, views: rebuilder });
  } finally {
    stop = true;
    await writing;
  }
  await caughtUp(log, views);
  assert.equal(await views.count('logs'), written);
  assert.ok(written > 500);
  assert.equal((await compare(logs, { log, views })).differences, 0);
});

test('a rebuild that the live view has overtaken reads on, and takes its place all the same', async (t) => {
  const { directory, log, views } = openStores(t);
  await log.append(recordedLogs(0, 3));
  await projectToEnd({ log, views, projections });
  tamper(directory, 'logs', id('in', 1), 'in_other');
  const swaps: boolean[] = [];
  const overtaken: Views = {
    ...views,
    async shadow(view) {
      const shadow = await views.shadow(view);
      return {
        ...shadow,
        async swap() {
          if (swaps.length < 2) {
            await log.append(recordedLogs(3 + swaps.length, 4 + swaps.length));
            await projectToEnd({ log, views, projections });
          }
          swaps.push(await shadow.swap());
          return swaps.at(-1) ?? false;
        },
      };
    },
  };
  assert.deepEqual(await rebuild(logs, { log, views: overtaken }), { events: 5 });
  assert.deepEqual(swaps, [false, false, true]);
  assert.equal((await views.get('logs', id('log', 1)))?.inboundWebhookId, id('in', 1));
  assert.equal(await views.count('logs'), 5);
});

test('views are rebuilt together from one reading of the log; one that is overtaken meanwhile reads on', async (t) => {
  const { directory, log, views } = openStores(t);
  await log.append([facts.organizationCreated(), ...recordedLogs(0, 6_000)]);
  await projectToEnd({ log, views, projections });
  tamper(directory, 'logs', `"inboundWebhookId":"${id('in', 1)}"`, '"inboundWebhookId":"in_other"');
  let read = 0;
  const counted: Log = {
    ...log,
    async *read(topic, options) {
      for await (const batch of log.read(topic, options)) {
        read += batch.events.length;
        yield batch;
      }
    },
  };
  let overtakings = 1;
  const overtaken: Views = {
    ...views,
    async shadow(view, options) {
      const shadow = await views.shadow(view, options);
      const swap = async () => {
        if (view === 'logs' && overtakings-- > 0) {
          await log.append(recordedLogs(6_000, 6_001));
          await projectToEnd({ log, views, projections });
        }
        return shadow.swap();
      };
      return { ...shadow, swap };
    },
  };
  const done: [string, number][] = [];
  const events = await rebuildTogether([organizations, logs, endpoints], {
    log: counted,
    views: overtaken,
    onRebuilt: (view, count) => done.push([view, count]),
  });
  // The live `endpoints` has read on as well, before its shadow was asked to take its place.
  assert.deepEqual(done, [
    ['organizations', 6_001],
    ['logs', 6_002],
    ['endpoints', 6_002],
  ]);
  assert.deepEqual(events, [6_001, 6_002, 6_002]);
  assert.equal(read, 6_002);
  assert.equal((await views.get('logs', id('log', 1)))?.inboundWebhookId, id('in', 1));
  assert.equal(await views.count('logs'), 6_001);
  for (const projection of projections)
    assert.equal((await compare(projection, { log, views })).differences, 0, projection.definition.name);
});

test('of views that are rebuilt together none has begun when another process is at one of them', async (t) => {
  const { log, views, openViews } = openStores(t);
  const other = await openViews().shadow('logs');
  await assert.rejects(rebuildTogether([organizations, logs, endpoints], { log, views }), RebuildRuns);
  await other.drop();
  await rebuildTogether([organizations, logs, endpoints], { log, views });
});

test('a rebuild of several views that is aborted leaves those that are not done, and no shadow of them', async (t) => {
  const { directory, log, views } = openStores(t);
  await log.append(recordedLogs(0, 10));
  await projectToEnd({ log, views, projections });
  tamper(directory, 'logs', `"inboundWebhookId":"${id('in', 7)}"`, '"inboundWebhookId":"in_other"');
  const before = await everything(views);
  const aborting = new AbortController();
  const shadows = remembered({
    ...views,
    async shadow(view, options) {
      const shadow = await views.shadow(view, options);
      // The second of three is overtaken for ever.
      return view === 'logs' ? { ...shadow, swap: async () => false } : shadow;
    },
  });
  const done: string[] = [];
  const running = rebuildTogether([organizations, logs, endpoints], {
    log,
    views: shadows.views,
    signal: aborting.signal,
    onRebuilt(view) {
      done.push(view);
      if (done.length === 2) aborting.abort(new Error('enough'));
    },
  });
  await assert.rejects(running, /enough/);
  assert.deepEqual(done, ['organizations', 'endpoints']);
  assert.equal(shadows.dropped(), 1);
  assert.deepEqual(await everything(views), before);
});

test('compare finds what was changed, is missing and is too much, and changes nothing', async (t) => {
  const { directory, log, views } = openStores(t);
  await log.append(recordedLogs(0, 4));
  await projectToEnd({ log, views, projections });
  const same = await compare(logs, { log, views });
  assert.deepEqual(same, { documents: 4, differences: 0, examples: [] });

  tamper(directory, 'logs', `"inboundWebhookId":"${id('in', 2)}"`, '"inboundWebhookId":"in_other"');
  const cause = { topic: 'organizations', partition: 0, offset: 0 } as const;
  await views.apply({ patches: [{ view: 'logs', id: id('log', 9), cause, set: {} }], positions: [] });
  const before = await everything(views);
  const { documents, differences, examples } = await compare(logs, { log, views });
  assert.deepEqual([documents, differences], [5, 2]);
  const [changed, extra] = examples;
  assert.equal(changed?.id, id('log', 2));
  assert.match(changed?.live ?? '', /in_other/);
  assert.match(changed?.rebuilt ?? '', new RegExp(id('in', 2)));
  assert.deepEqual(extra, { id: id('log', 9), live: `{"id":"${id('log', 9)}"}`, rebuilt: undefined });
  assert.deepEqual(await everything(views), before);
});

test('of a long document compare tells where it differs', async (t) => {
  const { directory, log, views } = openStores(t);
  const message = `${'a'.repeat(800)} here ${'z'.repeat(800)}`;
  await log.append([facts.logRecorded({ message })]);
  await projectToEnd({ log, views, projections });
  tamper(directory, 'logs', ' here zz', ' there zz');
  const [example] = (await compare(logs, { log, views })).examples;
  assert.match(example?.live ?? '', /^…a{90,110} there z{300,400}…$/);
  assert.match(example?.rebuilt ?? '', /^…a{90,110} here z{300,400}…$/);
});

test('compare tells of documents that are missing, and of no more than 20 of them', async (t) => {
  const { log, views } = openStores(t);
  await log.append(recordedLogs(0, 30));
  const empty = await views.shadow('logs');
  const positions = [];
  for await (const { topic, partition, next } of log.read('organizations')) {
    positions.push({ topic, partition, offset: next });
  }
  await empty.apply({ patches: [], positions });
  assert.equal(await empty.swap(), true);
  const { documents, differences, examples } = await compare(logs, { log, views });
  assert.deepEqual([documents, differences, examples.length], [30, 30, 20]);
  assert.equal(examples[0]?.live, undefined);
});

test('compare while events are written and projected finds no differences', async (t) => {
  const { log, views, follow } = openStores(t);
  follow();
  await log.append(recordedLogs(0, 1_000));
  const comparing = compare(logs, { log, views });
  for (let i = 1_000; i < 1_200; i += 20) await log.append(recordedLogs(i, i + 20));
  assert.equal((await comparing).differences, 0);
});

test('compare ends also where no moment passes without a write', async (t) => {
  const { log, views, follow } = openStores(t);
  follow();
  await log.append(recordedLogs(0, 5_000));
  let isCompared = false;
  const comparing = compare(logs, { log, views }).finally(() => {
    isCompared = true;
  });
  let written = 5_000;
  for (; !isCompared; written += 5) await log.append(recordedLogs(written, written + 5));
  assert.equal((await comparing).differences, 0);
});

for (const [what, run] of [
  ['rebuild', rebuild],
  ['compare', compare],
] as const) {
  test(`a ${what} that is aborted leaves the live view as it was, and no shadow`, async (t) => {
    const { directory, log, views } = openStores(t);
    await log.append(recordedLogs(0, 2_500));
    await projectToEnd({ log, views, projections });
    tamper(directory, 'logs', id('in', 7), 'in_other');
    const before = await everything(views);
    const aborting = new AbortController();
    const shadows = remembered(views);
    const running = run(logs, {
      log,
      views: shadows.views,
      signal: aborting.signal,
      onProgress: () => aborting.abort(new Error('enough')),
    });
    await assert.rejects(running, /enough/);
    assert.deepEqual(await everything(views), before);
    assert.equal(shadows.dropped(), 1);
    await log.append(recordedLogs(2_500, 2_501));
    await projectToEnd({ log, views, projections });
    assert.equal(await views.count('logs'), 2_501);
  });
}

/** Views that count the shadows that were dropped. */
function remembered(views: Views): { views: Views; dropped: () => number } {
  let dropped = 0;
  const shadow: Views['shadow'] = async (view) => {
    const made = await views.shadow(view);
    const drop = async () => {
      await made.drop();
      dropped++;
    };
    return { ...made, drop };
  };
  return { views: { ...views, shadow }, dropped: () => dropped };
}

for (const [what, run] of [
  ['rebuild', rebuild],
  ['compare', compare],
] as const) {
  test(`a ${what} of a view that is ahead of the log is refused, as it would never end`, async (t) => {
    const { log, views } = openStores(t);
    await log.append([facts.organizationCreated()]);
    // As after log.db was replaced by an older one.
    const ahead = { topic: 'organizations', partition: 0, offset: 1_000 } as const;
    await views.apply({ patches: [], positions: [ahead] });
    await assert.rejects(run(organizations, { log, views }), ViewsRefused);
  });
}

test('a compare that waits for a view which nobody projects can be aborted', async (t) => {
  const { log, views } = openStores(t);
  await log.append([facts.organizationCreated()]);
  const signal = AbortSignal.timeout(50);
  await assert.rejects(compare(organizations, { log, views, signal }), { name: 'TimeoutError' });
});
