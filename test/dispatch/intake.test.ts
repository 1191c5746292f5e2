import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIntake } from '../../src/dispatch/intake.ts';

test('reads on while few webhooks wait for their first attempt', () => {
  assert.equal(createIntake().open({ scheduled: 5_000, unstarted: 999 }, 0), true);
});

test('pauses when many wait, until fewer do', () => {
  const intake = createIntake();
  assert.equal(intake.open({ scheduled: 1_000, unstarted: 1_000 }, 0), false);
  assert.equal(intake.open({ scheduled: 1_000, unstarted: 999 }, 1), true);
});

test('reads on in spite of webhooks that have waited long: somebody slow must hold up nobody else', () => {
  const intake = createIntake();
  assert.equal(intake.open({ scheduled: 1_000, unstarted: 1_000 }, 0), false);
  assert.equal(intake.open({ scheduled: 1_000, unstarted: 1_000 }, 499), false);
  assert.equal(intake.open({ scheduled: 1_000, unstarted: 1_000 }, 500), true);
});

test('counts the wait from the oldest that still waits', () => {
  const intake = createIntake();
  intake.open({ scheduled: 1_000, unstarted: 1_000 }, 0);
  assert.equal(intake.open({ scheduled: 2_500, unstarted: 2_500 }, 400), false);
  assert.equal(intake.open({ scheduled: 2_500, unstarted: 1_500 }, 600), false);
  assert.equal(intake.open({ scheduled: 2_500, unstarted: 1_500 }, 900), true);
});
