import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextAttemptAtMs, retryAfterMs } from '../../src/dispatch/retry.ts';
import type { AttemptError } from '../../src/events.ts';

const NOW_MS = 1_700_000_000_000;
const SCHEDULE = [5_000, 30_000];

function next(
  { webhook = 'wh_1', attempt = 1, failures = 0, error = 'status', retryAfter = null } = {} as {
    webhook?: string;
    attempt?: number;
    failures?: number;
    error?: AttemptError;
    retryAfter?: number | null;
  },
): number | null {
  const pending = { webhookId: webhook as 'wh_1', attempt, failures };
  const outcome = { failure: { error, detail: '' }, retryAfterMs: retryAfter };
  const at = nextAttemptAtMs(SCHEDULE, pending, outcome, NOW_MS);
  return at === null ? null : at - NOW_MS;
}

test('a delay is made longer or shorter by a fifth of it at most, and not always the same way', () => {
  const delays = Array.from({ length: 1_000 }, (_, n) => next({ webhook: `wh_${n}` }) ?? 0);
  assert.ok(Math.min(...delays) >= 4_000 && Math.max(...delays) <= 6_000);
  assert.ok(Math.min(...delays) < 4_050 && Math.max(...delays) > 5_950, 'all of the range is used');
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  assert.ok(Math.abs(mean - 5_000) < 60, `the mean is ${mean}`);
});

test('the same attempt of the same webhook is always decided alike', () => {
  assert.equal(next(), next());
});

test('each failure takes the next delay of the schedule, and after the last one there is none', () => {
  assert.ok((next({ attempt: 2, failures: 1 }) ?? 0) >= 24_000);
  assert.equal(next({ attempt: 3, failures: 2 }), null);
});

test('Retry-After is honoured from the delay to four times it', () => {
  fc.assert(
    fc.property(fc.nat(100_000), (retryAfter) => {
      const delay = next() ?? 0;
      assert.equal(next({ retryAfter }), Math.max(delay, Math.min(retryAfter, 20_000)));
    }),
  );
});

test('what fails once for its address or URL is not tried again', () => {
  assert.deepEqual([next({ error: 'address' }), next({ error: 'url' })], [null, null]);
});

test('what never left is sent at once, and takes nothing from the schedule', () => {
  assert.equal(next({ failures: 7, error: 'interrupted' }), 0);
});

test('a Retry-After of any length is clamped', () => {
  for (const text of ['9999999999', '9'.repeat(400), '9'.repeat(60_000)]) {
    const retryAfter = retryAfterMs(text, NOW_MS);
    assert.equal(next({ retryAfter }), 20_000, `${text.length} digits`);
  }
});

test('Retry-After is seconds or a date, and nothing else', () => {
  assert.equal(retryAfterMs('120', NOW_MS), 120_000);
  assert.equal(retryAfterMs('Tue, 14 Nov 2023 22:14:20 GMT', NOW_MS), 60_000);
  assert.equal(retryAfterMs('Tue, 14 Nov 2003 22:14:20 GMT', NOW_MS), 0);
  for (const text of ['', '-1', '1.5', 'soon', '2023-11-14', 'tomorrow GMT'])
    assert.equal(retryAfterMs(text, NOW_MS), null, text);
});
