import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAhead, MAX_AHEAD_MS, MIN_AHEAD_MS } from '../../src/dispatch/ahead.ts';

test('a claim is made as much before its time as two turns take, of the longest of late', () => {
  const ahead = createAhead();
  ahead.took(43.2);
  assert.equal(ahead.ms, 87);
  ahead.took(100);
  ahead.took(1);
  assert.ok(ahead.ms > 150 && ahead.ms < 200, `${ahead.ms}`);
  for (let n = 0; n < 200; n++) ahead.took(1);
  assert.equal(ahead.ms, MIN_AHEAD_MS, 'it was long ago');
});

test('and never less than a turn may take that is slower than any of late', () => {
  const ahead = createAhead();
  assert.equal(ahead.ms, MIN_AHEAD_MS, 'nothing is known');
  ahead.took(3);
  assert.equal(ahead.ms, MIN_AHEAD_MS);
});

test('and never more than whoever takes over reckons with', () => {
  const ahead = createAhead();
  ahead.took(60_000);
  assert.equal(ahead.ms, MAX_AHEAD_MS);
  for (let n = 0; n < 20; n++) ahead.took(1);
  assert.ok(ahead.ms < 100, 'that the log was away for a minute is soon forgotten');
});
