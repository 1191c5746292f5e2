// Limits in memory, on a clock of the test's own: strict, exact, and bounded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NamedLimit } from '../../src/limits/limits.ts';
import { createMemoryLimits } from '../../src/limits/memory.ts';
import { named } from '../contract/limits.ts';

/** Limits whose time the test sets. */
function limitsAt() {
  const clock = { nowMs: 1_000_000 };
  return { clock, limits: createMemoryLimits(() => clock.nowMs) };
}

/** How many of these moments are in the window that ends with `atMs`. */
function within(moments: readonly number[], { windowMs }: NamedLimit, atMs: number): number {
  return moments.filter((moment) => moment > atMs - windowMs && moment <= atMs).length;
}

test('around the end of a window no more are let through than within one', () => {
  const { clock, limits } = limitsAt();
  const three = [named('burst', 3, 6_000)];
  const allowedAfter = (ms: number) => {
    clock.nowMs += ms;
    return limits.take('a', three).allowed;
  };
  assert.deepEqual([0, 5_900, 50].map(allowedAfter), [true, true, true]);
  // A fixed window would begin anew here, and let three more through.
  assert.deepEqual([50, 10, 10].map(allowedAfter), [true, false, false]);
});

test('whatever comes when, no window holds more than its limit, and none is refused that had a place', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  const limit = fc.record({
    max: fc.integer({ min: 1, max: 6 }),
    windowMs: fc.integer({ min: 1, max: 1_000 }),
  });
  fc.assert(
    fc.property(steps, limit, limit, (waits, burst, sustained) => {
      const { clock, limits } = limitsAt();
      const both = [
        named('burst', burst.max, burst.windowMs),
        named('sustained', sustained.max, sustained.windowMs),
      ];
      const through: number[] = [];
      for (const waitMs of waits) {
        clock.nowMs += waitMs;
        const { allowed, windows } = limits.take('a', both);
        const full = both.filter((one) => within(through, one, clock.nowMs) >= one.max);
        assert.equal(allowed, full.length === 0);
        if (allowed) through.push(clock.nowMs);
        for (const [i, one] of both.entries()) {
          assert.equal(windows[i]?.remaining, one.max - within(through, one, clock.nowMs));
        }
        if (allowed) continue;
        // Exactly so long, and not a moment less.
        const freedInMs = Math.max(...full.map((one) => windows[both.indexOf(one)]?.freedInMs ?? 0));
        const fullIn = (ms: number) => full.some((one) => within(through, one, clock.nowMs + ms) >= one.max);
        assert.equal(fullIn(freedInMs), false);
        assert.equal(fullIn(freedInMs - 1), true);
      }
    }),
  );
});

test('the window of a limit of many moves in a thousand steps, and stays strict', () => {
  const { clock, limits } = limitsAt();
  const wide = named('sustained', 5_000, 3_600_000);
  const through: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    clock.nowMs += 500;
    if (limits.take('a', [wide]).allowed) through.push(clock.nowMs);
  }
  for (const [i, first] of through.entries()) {
    const next = through[i + wide.max];
    if (next !== undefined) assert.ok(next - first >= wide.windowMs);
  }
  // A step is a thousandth of the window: no more is lost by it.
  assert.ok(through.length >= 2 * wide.max);
});

test('what is not used any more is let go of', () => {
  const { clock, limits } = limitsAt();
  for (let i = 0; i < 10_000; i++) limits.take(`int_${i}`, [named('burst', 3, 6_000)]);
  assert.equal(limits.size, 10_000);
  clock.nowMs += 60_000;
  for (let i = 0; i < 10_000; i++) limits.take('int_1', [named('burst', 1_000, 1_000)]);
  assert.equal(limits.size, 1);
});
