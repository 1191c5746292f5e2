// JSON from outside, and on its way out again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExactly, wellFormedJson } from '../src/json.ts';

test('a number that a double cannot hold is the text it was sent as, and every other one a number', () => {
  assert.deepEqual(parseExactly('[12345678901234567890,1e400,12,0.1,1e3]'), [
    ...['12345678901234567890', '1e400'],
    ...[12, 0.1, 1_000],
  ]);
  assert.throws(() => parseExactly('{'), SyntaxError);
});

test('half a surrogate pair leaves as U+FFFD, and all else as it is', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '\\', '\\u', 'ud800', '"', '\n', '\ud83d', '\ude00', '😀', '\ufffd'),
  });
  const anything = fc.object({ key: text, values: [text, fc.integer()], maxDepth: 3 });
  const wellFormed = (value: unknown): unknown => {
    if (typeof value === 'string') return value.toWellFormed();
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(wellFormed);
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]),
    );
  };
  fc.assert(
    fc.property(anything, (value) => assert.deepEqual(JSON.parse(wellFormedJson(value)), wellFormed(value))),
  );
});
