import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration, systemClock, toIso } from '../src/time.ts';

test('a time is ISO 8601 in UTC with milliseconds', () => {
  assert.equal(toIso(0), '1970-01-01T00:00:00.000Z');
  assert.equal(toIso(Date.UTC(2026, 0, 31, 12, 0, 0, 7)), '2026-01-31T12:00:00.007Z');
  assert.throws(() => toIso(Number.NaN), RangeError);
});

test('durations as people write them', () => {
  const cases: Record<string, number> = {
    '0': 0,
    '0s': 0,
    '250ms': 250,
    '5s': 5_000,
    '10m': 600_000,
    '2h': 7_200_000,
    '90d': 7_776_000_000,
    '1h30m': 5_400_000,
    '1.5s': 1_500,
    '0.5ms': 1,
    '1m1ms': 60_001,
    '30s30s': 60_000,
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
});

test('what is no duration is undefined', () => {
  const wrong = [
    '',
    '5',
    '-5s',
    '+5s',
    '5 s',
    ' 5s',
    '5s ',
    's',
    '5S',
    '5sec',
    '1e3s',
    '.5s',
    '5.s',
    '٥s',
    '1w',
    '5s\n',
  ];
  for (const text of [...wrong, `${'9'.repeat(20)}d`, `${'9'.repeat(400)}s`, 'NaNs', '5msx']) {
    assert.equal(parseDuration(text), undefined, JSON.stringify(text));
  }
});

test('a duration is written with one unit, the largest that divides it', () => {
  const cases: [number, string][] = [
    [0, '0s'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [5_000, '5s'],
    [90_000, '90s'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
    [7_200_000, '2h'],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test('every duration reads back as it was written', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.constantFrom(1, 1_000, 60_000), (n, unit) => {
      const ms = Math.floor(n / unit) * unit;
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});

test('the clock never goes back, whatever the system’s clock does', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const clock = systemClock();
  assert.equal(clock(), 1_000);
  t.mock.timers.setTime(2_000);
  assert.equal(clock(), 2_000);
  t.mock.timers.setTime(500);
  assert.equal(clock(), 2_000);
  t.mock.timers.setTime(2_001);
  assert.equal(clock(), 2_001);
});
