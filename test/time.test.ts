import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration, processTime, toIso, watchSteps } from '../src/time.ts';

test('a time is ISO 8601 in UTC with milliseconds', () => {
  assert.equal(toIso(0), '1970-01-01T00:00:00.000Z');
  assert.equal(toIso(Date.UTC(2026, 0, 31, 12, 0, 0, 7)), '2026-01-31T12:00:00.007Z');
  assert.throws(() => toIso(Number.NaN), RangeError);
  assert.throws(() => toIso(8.64e15 + 1_000), RangeError);
  const range = { min: -8.64e15, max: 8.64e15 };
  fc.assert(fc.property(fc.integer(range), (ms) => assert.equal(toIso(ms), new Date(ms).toISOString())));
  // Of one second, as they come from the log.
  for (let ms = 1_700_000_000_990; ms < 1_700_000_001_010; ms++)
    assert.equal(toIso(ms), new Date(ms).toISOString());
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

/** A machine whose clock can be put, and whose time passes as the test wants. */
function machine() {
  const state = { wallMs: 1_000, elapsedMs: 0 };
  const pass = (ms: number) => {
    state.wallMs += ms;
    state.elapsedMs += ms;
  };
  const time = processTime({
    wall: () => state.wallMs,
    elapsed: () => state.elapsedMs,
    after: () => () => {},
  });
  return { state, pass, time };
}

test('the time is that of the system’s clock', () => {
  const { pass, time } = machine();
  assert.equal(time.now(), 1_000);
  pass(500);
  assert.equal(time.now(), 1_500);
});

test('when the clock is put back, time goes on at half the pace until the clock has caught up', () => {
  const { state, pass, time } = machine();
  time.now();
  state.wallMs -= 400;
  assert.equal(time.now(), 1_000);
  pass(200);
  assert.deepEqual([state.wallMs, time.now()], [800, 1_100]);
  pass(600);
  assert.deepEqual([state.wallMs, time.now()], [1_400, 1_400]);
  pass(10);
  assert.equal(time.now(), 1_410);
});

test('a step of the clock ahead is told once, and by how much', () => {
  const { state, pass, time } = machine();
  const stepped = watchSteps(time);
  pass(10_000);
  assert.equal(stepped(), 0);
  state.wallMs += 3_000;
  pass(7);
  assert.equal(stepped(), 3_001);
  assert.equal(stepped(), 0);
});
