import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRateLimit } from '../src/rate-limit.ts';

test('a rate limit is a count and a time', () => {
  assert.deepEqual(parseRateLimit('3/6s'), { max: 3, windowMs: 6_000 });
  assert.deepEqual(parseRateLimit('100/1h'), { max: 100, windowMs: 3_600_000 });
  assert.deepEqual(parseRateLimit('1/1s'), { max: 1, windowMs: 1_000 });
  assert.deepEqual(parseRateLimit('1000000/24h'), { max: 1_000_000, windowMs: 86_400_000 });
});

test('everything else is none', () => {
  const none = [
    '',
    '3',
    '3/',
    '/6s',
    '0/6s',
    '-3/6s',
    '3.5/6s',
    '1000001/6s',
    '3/999ms',
    '3/25h',
    '3/0s',
    '3/6',
  ];
  for (const text of [...none, '3/6s/1', ' 3/6s', '3 / 6s', 'none', '3e2/6s', '٣/6s']) {
    assert.equal(parseRateLimit(text), undefined, text);
  }
});
