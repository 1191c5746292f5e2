// An organization that moves out of a log of which something was pruned: what stands for that moves as well.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HooklaneEvent } from '../../src/events.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { prune } from '../../src/projections/prune.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { AT_MS, organizationCreated } from '../projections/facts.ts';
import { eventsOf, HOUR_MS, workedOff } from '../projections/stories.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { documentsOf, eventsIn, exported, imported, organizationId, secrets, sqliteLog } from './moving.ts';

test('what was pruned is not exported, its counts are', async (t) => {
  const from = sqliteLog(t);
  const all = Array.from({ length: 12 }, (_, n) => ({ n: 2 * n, hours: 2 * n, later: 0, late: 0 }));
  const history = eventsOf(all).map((event) => ({ ...event, organizationId }) as HooklaneEvent);
  await from.append([organizationCreated({ organizationId, secret: secrets.seal('orgs_1') }), ...history]);
  await workedOff(from);
  const definitions = projections.map(({ definition }) => definition);
  const views = openSqliteViews({ directory: temporaryDirectory(t), definitions });
  t.after(() => views.close());
  await projectToEnd({ log: from, views, projections });
  const whole = await documentsOf(t, from);
  await prune({
    log: from,
    views,
    projections,
    beforeMs: AT_MS + 12 * HOUR_MS,
    dryRun: false,
    by: 'root',
    clock: Date.now,
  });
  const before = await documentsOf(t, from);

  const to = sqliteLog(t);
  await imported(await exported(t, from), to);
  const after = await documentsOf(t, to);
  assert.deepEqual([whole.logs?.length, after.logs?.length], [12, 6]);
  assert.deepEqual(after, before);
  for (const view of ['logGroups', 'organizations']) assert.deepEqual(after[view], whole[view], view);
  const types = (await eventsIn(to, 'organizations')).map(({ type }) => type);
  assert.equal(types.filter((type) => type === 'LogsPruned').length, 3);
});
