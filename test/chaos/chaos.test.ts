// A short run of `npm run chaos`. A failing one prints its seed: npm run chaos -- --kills 10 --seed …

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from './chaos.ts';
import { table } from './reconcile.ts';

test('a server that is killed ten times at random moments under load has lost and doubled nothing', async (t) => {
  const seed = Number(process.env.HOOKLANE_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`seed ${seed}`);
  const { rows, wrong } = await chaos(t, { seed, kills: 10, withinMs: Number.POSITIVE_INFINITY });
  t.diagnostic(`\n${table(rows)}`);
  assert.deepEqual(wrong.slice(0, 20), [], `seed ${seed}`);
});
