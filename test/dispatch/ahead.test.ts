import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAhead, MAX_AHEAD_MS } from '../../src/dispatch/ahead.ts';

test('a claim is made as much before its time as two turns take, of the longest of late', () => {
  const ahead = createAhead();
  assert.equal(ahead.ms, 0, 'nothing is known');
  ahead.took(3.2);
  assert.equal(ahead.ms, 7);
  ahead.took(20);
  ahead.took(1);
  assert.ok(ahead.ms > 30 && ahead.ms < 40, `${ahead.ms}`);
  for (let n = 0; n < 200; n++) ahead.took(1);
  assert.equal(ahead.ms, 2, 'it was long ago');
});

test('and never more than whoever takes over reckons with', () => {
  const ahead = createAhead();
  ahead.took(60_000);
  assert.equal(ahead.ms, MAX_AHEAD_MS);
  for (let n = 0; n < 20; n++) ahead.took(1);
  assert.ok(ahead.ms < 100, 'that the log was away for a minute is soon forgotten');
});
