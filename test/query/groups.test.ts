// Groups of logs: what counts, what does not, and their pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecorded } from '../../src/events.ts';
import { toIso } from '../../src/time.ts';
import * as facts from '../projections/facts.ts';
import { after } from './store.ts';

const { AT_MS, id } = facts;

/** The `n`th log, `n` minutes after the first. */
function log(n: number, more: Partial<LogRecorded> = {}): LogRecorded {
  return facts.logRecorded({
    inboundId: id('in', n),
    inboundOffset: n,
    receivedAtMs: AT_MS + n * 60_000,
    message: `boom ${n}`,
    ...more,
  });
}

test('a group counts its logs, tells the newest message, when first and when last', async (t) => {
  const { queries } = await after(t, log(0), log(1, { level: 'fatal' }), log(2, { fingerprint: 'f2' }));
  const { items, cursor } = await queries.groups({});
  assert.equal(cursor, null);
  assert.deepEqual(items[1], {
    id: `${id('prj')}_f1`,
    organizationId: id('org'),
    projectId: id('prj'),
    fingerprint: 'f1',
    type: 'TypeError',
    message: 'boom 1',
    level: 'fatal',
    count: 2,
    firstSeenAt: toIso(AT_MS),
    lastSeenAt: toIso(AT_MS + 60_000),
    newestLogId: id('log', 1),
  });
  assert.deepEqual(
    items.map(({ fingerprint }) => fingerprint),
    ['f2', 'f1'],
  );
});

test('a log that is recorded again, by a recorder that lost its position, counts once', async (t) => {
  const first = [log(0), log(1), log(2, { inboundPartition: 1, inboundOffset: 0 })];
  const { queries } = await after(t, ...first, ...first, log(3), log(1));
  const [group] = (await queries.groups({})).items;
  assert.deepEqual([group?.count, group?.message], [4, 'boom 3']);
});

test('logs of releases that do not say from where they were made count each', async (t) => {
  const unknown = { inboundPartition: null, inboundOffset: null };
  const { queries } = await after(t, log(0, unknown), log(1, unknown));
  assert.equal((await queries.groups({})).items[0]?.count, 2);
});

test('pages in each order show every group once, while logs come', async (t) => {
  const history = Array.from({ length: 40 }, (_, n) => log(n, { fingerprint: `f${(n * 7) % 9}` }));
  for (const sort of ['last', 'first', 'count']) {
    const { queries, happened } = await after(t, ...history);
    const shown: unknown[] = [];
    let next = 100;
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await queries.groups({ sort, limit: '2', ...(cursor === undefined ? {} : { cursor }) });
      shown.push(...page.items.map(({ fingerprint }) => fingerprint));
      // What is shown already moves to the front.
      await happened(log(next++, { fingerprint: String(shown[0]) }));
      cursor = page.cursor;
    }
    assert.equal(shown.length, 9, sort);
    assert.equal(new Set(shown).size, 9, sort);
  }
});

test('filters, and what is refused', async (t) => {
  const other = { projectId: id('prj', 1), fingerprint: 'f2' };
  const configured = [
    facts.organizationCreated(),
    facts.projectCreated(),
    facts.projectCreated({ projectId: id('prj', 1), name: 'other' }),
  ];
  const { queries } = await after(t, ...configured, log(0), log(30, other));
  const found = async (filters: Record<string, string>) =>
    (await queries.groups(filters)).items.map(({ fingerprint }) => fingerprint);
  assert.deepEqual(await found({ org: 'acme' }), ['f2', 'f1']);
  assert.deepEqual(await found({ project: 'other' }), ['f2']);
  assert.deepEqual(await found({ fingerprint: 'f1' }), ['f1']);
  assert.deepEqual(await found({ since: '45m' }), ['f2']);
  assert.deepEqual(await found({ until: '45m' }), ['f1']);
  await assert.rejects(found({ sort: 'best' }), /sort: allowed: last, first, count/);
  await assert.rejects(found({ cursor: 'bogus' }), /cursor: is not one/);
  await assert.rejects(found({ level: 'error' }), /level: no such filter/);
  assert.deepEqual(await found({ org: 'acme', fingerprint: 'none' }), []);
});
