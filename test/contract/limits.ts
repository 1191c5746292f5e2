// What limits must do, on every engine. Times are those of the engine, so windows are short, and real.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Limits, NamedLimit } from '../../src/limits/limits.ts';
import { waitFor } from '../support/wait.ts';

const HOUR_MS = 3_600_000;

/** A new and empty count. Each call opens one more handle on it; the suite closes them. */
export type NewLimits = (t: TestContext) => Promise<() => Limits>;

export function limitsContract(
  engine: string,
  { newLimits, skip }: { newLimits: NewLimits; skip?: string | false },
) {
  const it = (what: string, body: (open: () => Limits) => Promise<void>) =>
    test(`${engine}: ${what}`, { skip: skip ?? false }, async (t) => {
      const open = await newLimits(t);
      await body(() => {
        const limits = open();
        t.after(() => limits.close());
        return limits;
      });
    });

  it('so many places are there, for each key on its own', async (open) => {
    const limits = open();
    const three = [named('burst', 3, HOUR_MS)];
    for (const remaining of [2, 1, 0]) {
      const { allowed, windows } = await limits.take('a', three);
      assert.deepEqual([allowed, windows.map((window) => window.remaining)], [true, [remaining]]);
    }
    const { allowed, windows } = await limits.take('a', three);
    assert.equal(allowed, false);
    assert.equal(windows[0]?.remaining, 0);
    const { freedInMs = 0 } = windows[0] ?? {};
    assert.ok(freedInMs > HOUR_MS - 10_000 && freedInMs <= HOUR_MS + 1, `${freedInMs}`);
    assert.equal((await limits.take('b', three)).allowed, true);
  });

  it('a place is taken in all windows or in none', async (open) => {
    const limits = open();
    const [wide, narrow] = [named('wide', 10, HOUR_MS), named('narrow', 2, HOUR_MS)];
    for (let i = 0; i < 8; i++) await limits.take('a', [wide, narrow]);
    const { allowed, windows } = await limits.take('a', [wide]);
    assert.deepEqual([allowed, windows[0]?.remaining], [true, 10 - 2 - 1]);
  });

  it('of many at once as many are let through as there are places', async (open) => {
    const limits = open();
    const taken = await Promise.all(
      Array.from({ length: 100 }, async () => limits.take('a', [named('burst', 7, HOUR_MS)])),
    );
    assert.equal(taken.filter(({ allowed }) => allowed).length, 7);
  });

  it('in no window are more let through than its limit, however hard somebody tries', async (open) => {
    const limits = open();
    const limit = named('burst', 5, 60);
    const through: { askedMs: number; answeredMs: number }[] = [];
    while (through.length < 6 * limit.max) {
      const askedMs = performance.now();
      const { allowed } = await limits.take('a', [limit]);
      if (allowed) through.push({ askedMs, answeredMs: performance.now() });
    }
    for (const [i, { askedMs }] of through.entries()) {
      const sixth = through[i + limit.max];
      // Each was counted after it was asked for and before it was answered.
      if (sixth !== undefined) assert.ok(sixth.answeredMs - askedMs >= limit.windowMs);
    }
  });

  it('who waits as long as is said finds a place', async (open) => {
    const limits = open();
    const limit = named('burst', 5, 60);
    for (let refusals = 0; refusals < 6; ) {
      const { allowed, windows } = await limits.take('a', [limit]);
      if (allowed) continue;
      refusals++;
      const freedAtMs = performance.now() + (windows[0]?.freedInMs ?? 0);
      await waitFor('a place to be freed', () => performance.now() >= freedAtMs);
      assert.equal((await limits.take('a', [limit])).allowed, true);
    }
  });

  it('a limit that is lowered holds for all that is in the window', async (open) => {
    const limits = open();
    for (let i = 0; i < 5; i++) await limits.take('a', [named('burst', 5, HOUR_MS)]);
    const { allowed, windows } = await limits.take('a', [named('burst', 2, HOUR_MS)]);
    assert.deepEqual([allowed, windows[0]?.remaining], [false, 0]);
    assert.equal((await limits.take('a', [named('burst', 6, HOUR_MS)])).allowed, true);
  });

  it('a wide limit is counted as strictly', async (open) => {
    const limits = open();
    const wide = named('burst', 2_000, HOUR_MS);
    const taken = await Promise.all(Array.from({ length: 2_100 }, async () => limits.take('a', [wide])));
    assert.equal(taken.filter(({ allowed }) => allowed).length, 2_000);
  });

  it('without limits all is let through', async (open) => {
    assert.deepEqual(await open().take('a', []), { allowed: true, windows: [] });
  });
}

export function named(name: string, max: number, windowMs: number): NamedLimit {
  return { name, max, windowMs };
}
