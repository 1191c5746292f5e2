import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseUntil } from '../../src/log/pause.ts';
import { SYSTEM } from '../../src/time.ts';

const never = new AbortController().signal;

test('a wait is over no earlier than it should be, however early timers come', async () => {
  let elapsedMs = 100;
  const asked: number[] = [];
  const early = (ms: number, work: () => void) => {
    asked.push(ms);
    // A third of it too early, until there is hardly anything left.
    elapsedMs += ms > 1 ? (ms * 2) / 3 : ms;
    queueMicrotask(work);
    return () => {};
  };
  await pauseUntil(190.5, never, { elapsed: () => elapsedMs, after: early });
  assert.ok(elapsedMs >= 190.5, `${elapsedMs}`);
  assert.equal(asked[0], 91);
  asked.length = 0;
  await pauseUntil(190.5, never, { elapsed: () => elapsedMs, after: early });
  assert.deepEqual(asked, [], 'it is past');
  const untilMs = SYSTEM.elapsed() + 5.5;
  await pauseUntil(untilMs, never, SYSTEM);
  assert.ok(SYSTEM.elapsed() >= untilMs);
});

test('an abort ends it', async () => {
  const lost = new AbortController();
  const beganMs = SYSTEM.elapsed();
  const waiting = pauseUntil(beganMs + 60_000, lost.signal, SYSTEM);
  lost.abort();
  await waiting;
  await pauseUntil(beganMs + 60_000, lost.signal, SYSTEM);
  assert.ok(SYSTEM.elapsed() - beganMs < 30_000);
});
