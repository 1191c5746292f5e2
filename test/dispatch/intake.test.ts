import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIntake } from '../../src/dispatch/intake.ts';

test('reads on while few webhooks wait for their first attempt', () => {
  assert.equal(createIntake().open(999, 0), true);
});

test('pauses when many wait, and reads on when a tenth of them has drained', () => {
  const intake = createIntake();
  assert.equal(intake.open(1_000, 0), false);
  assert.equal(intake.open(950, 50), false);
  assert.equal(intake.open(899, 60), true);
});

test('reads on in spite of webhooks that do not drain, and from then on pauses only when far more wait', () => {
  const intake = createIntake();
  assert.equal(intake.open(1_000, 0), false);
  assert.equal(intake.open(1_000, 99), false);
  assert.equal(intake.open(1_000, 100), true);
  assert.equal(intake.open(1_999, 200), true);
  assert.equal(intake.open(2_000, 201), false);
});

test('pauses at the usual number again when the webhooks have drained after all', () => {
  const intake = createIntake();
  intake.open(1_000, 0);
  intake.open(1_000, 100);
  assert.equal(intake.open(10, 200), true);
  assert.equal(intake.open(1_000, 300), false);
});
