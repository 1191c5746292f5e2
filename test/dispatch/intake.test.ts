import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIntake } from '../../src/dispatch/intake.ts';

test('reads on while few webhooks wait for their first attempt', () => {
  assert.equal(createIntake().opensInMs({ scheduled: 5_000, unstarted: 999 }, 7), 0);
});

test('pauses when many wait, until fewer do', () => {
  const intake = createIntake();
  assert.equal(intake.opensInMs({ scheduled: 1_000, unstarted: 1_000 }, 0), 500);
  assert.equal(intake.opensInMs({ scheduled: 1_000, unstarted: 999 }, 1), 0);
});

test('reads on in spite of webhooks that have waited long: somebody slow must hold up nobody else', () => {
  const intake = createIntake();
  const whenAsked = [0, 499, 500, 900].map((nowMs) =>
    intake.opensInMs({ scheduled: 1_000, unstarted: 1_000 }, nowMs),
  );
  assert.deepEqual(whenAsked, [500, 1, 0, 0]);
});

test('counts the wait from the oldest that still waits', () => {
  const intake = createIntake();
  intake.opensInMs({ scheduled: 1_000, unstarted: 1_000 }, 0);
  assert.equal(intake.opensInMs({ scheduled: 2_500, unstarted: 2_500 }, 400), 100);
  assert.equal(intake.opensInMs({ scheduled: 2_500, unstarted: 1_500 }, 600), 300);
});
