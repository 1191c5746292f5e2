// Pages: all of them together show each thing once, whatever is written meanwhile, and nothing newer than the first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HooklaneEvent } from '../../src/events.ts';
import { DEFAULT_LIMIT } from '../../src/query/queries.ts';
import * as facts from '../projections/facts.ts';
import { after, allPages, ids } from './store.ts';

const { id } = facts;

function deliveries(from: number, to: number, kind: (n: number) => string = () => 'log.created') {
  return Array.from(
    { length: to - from },
    (_, i): HooklaneEvent => facts.scheduled({ webhookId: id('wh', from + i), kind: kind(from + i) }),
  );
}

/** The ids of deliveries from the newest, `to` - 1, to `from`. */
function newestFirst(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => id('wh', to - 1 - i));
}

test('a list is newest first, in pages of 50 unless it is asked for more or less', async (t) => {
  const { queries } = await after(t, ...deliveries(0, 120));
  assert.deepEqual(await ids(queries.list('deliveries', {})), newestFirst(120 - DEFAULT_LIMIT, 120));
  const pages = await allPages(queries, ['deliveries', {}]);
  assert.deepEqual(
    pages.map(({ length }) => length),
    [50, 50, 20],
  );
  assert.deepEqual(pages.flat(), newestFirst(0, 120));
});

test('the last page is known to be the last, also when it is full', async (t) => {
  const { queries } = await after(t, ...deliveries(0, 6));
  for (const [limit, lengths] of [
    ['6', [6]],
    ['7', [6]],
    ['5', [5, 1]],
    ['3', [3, 3]],
  ] as const) {
    const pages = await allPages(queries, ['deliveries', { limit }]);
    assert.deepEqual(
      pages.map(({ length }) => length),
      lengths,
    );
  }
  assert.deepEqual(await queries.list('deliveries', { org: 'nobody' }).catch(() => 'none'), 'none');
  assert.deepEqual(await queries.list('logs', {}), { items: [], cursor: null });
});

test('while writes go on, pages miss nothing, repeat nothing, and show nothing newer than the first', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 25 }),
      fc.integer({ min: 1, max: 8 }),
      fc.nat({ max: 6 }),
      async (before, limit, between) => {
        const { queries, happened } = await after(t, ...deliveries(0, before));
        let written = before;
        const write = async () => {
          await happened(...deliveries(written, written + between));
          // What changes is still where it was.
          await happened(facts.attemptStarted({ webhookId: id('wh', written % before) }));
          written += between;
        };
        const pages = await allPages(queries, ['deliveries', { limit: String(limit) }], write);
        assert.deepEqual(pages.flat(), newestFirst(0, before));
        assert.ok(pages.slice(0, -1).every(({ length }) => length === limit));
      },
    ),
    { numRuns: 20 },
  );
});

test('under a filter of status, nothing comes twice, and nothing is missing that keeps its status', async (t) => {
  const all = Array.from({ length: 30 }, (_, n) => n);
  const ofAll = (make: (ids: { webhookId: `wh_${string}` }) => HooklaneEvent) =>
    all.map((n) => make({ webhookId: id('wh', n) }));
  const { queries, happened } = await after(t, ...deliveries(0, 30), ...ofAll(facts.attemptStarted));
  let round = 0;
  const pages = await allPages(queries, ['deliveries', { status: 'pending', limit: '4' }], async () => {
    // One that was shown, one that is still to come, and a new one.
    for (const n of [29 - round, round]) await happened(facts.processed({ webhookId: id('wh', n) }));
    await happened(...deliveries(100 + round, 101 + round));
    round++;
  });
  const shown = pages.flat();
  assert.equal(new Set(shown).size, shown.length);
  const stayed = newestFirst(round, 30 - round);
  assert.deepEqual(
    stayed.filter((one) => !shown.includes(one)),
    [],
  );
  assert.ok(shown.every((one) => newestFirst(0, 30).includes(String(one))));
});

test('what is deleted between two pages is left out, and what stays comes once', async (t) => {
  const projects = Array.from({ length: 9 }, (_, n) => facts.projectCreated({ projectId: id('prj', n) }));
  const { queries, happened } = await after(t, facts.organizationCreated(), ...projects);
  let deleted = 0;
  const pages = await allPages(queries, ['projects', { limit: '3' }], async () => {
    const projectId = id('prj', deleted++);
    const ids = { organizationId: id('org'), projectId };
    await happened({ type: 'ProjectDeleted', ...ids, atMs: facts.AT_MS });
  });
  assert.deepEqual(
    pages.flat(),
    [8, 7, 6, 5, 4, 3, 2].map((n) => id('prj', n)),
  );
});

test('a pattern that matches rarely still gives full pages', async (t) => {
  const kind = (n: number) => (n % 100 === 0 ? 'rare.created' : 'log.created');
  const { queries } = await after(t, ...deliveries(0, 3_000, kind));
  for (const limit of [1, 7, 30]) {
    const pages = await allPages(queries, ['deliveries', { event: '*re.created', limit: String(limit) }]);
    assert.deepEqual(
      pages.flat(),
      newestFirst(0, 30).map((_, i) => id('wh', 2_900 - i * 100)),
    );
    assert.ok(pages.slice(0, -1).every(({ length }) => length === limit));
  }
});

test('a pattern that matches almost nothing of very much is answered in several pages, short but complete', async (t) => {
  const kind = (n: number) => (n < 2 ? 'rare.created' : 'log.created');
  const { queries, happened } = await after(t, ...deliveries(0, 20_300, kind));
  let news = 20_300;
  const filters = { event: '*re.created', limit: '200' };
  const pages = await allPages(queries, ['deliveries', filters], () =>
    happened(...deliveries(news++, news, () => 'rare.created')),
  );
  assert.deepEqual(pages.flat(), newestFirst(0, 2));
  assert.ok(pages.length > 1);
});
