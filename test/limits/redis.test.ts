// Limits in Redis: counted by all who share it, gone when they are over, and no reason to refuse anything when it is away.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisLimits } from '../../src/limits/redis.ts';
import { named } from '../contract/limits.ts';
import { missing, missingOwn, redisUrl, uniquePrefix } from '../support/engines.ts';
import { startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const HOUR_MS = 3_600_000;
const THREE = [named('burst', 3, HOUR_MS)];

/** Limits as another process has them, and what they have logged. */
function limitsOf(t: TestContext, url: string, prefix: string) {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const limits = createRedisLimits({ url, prefix, logger });
  t.after(() => limits.close());
  return { limits, lines };
}

test('processes count together', { skip: missing('redis') }, async (t) => {
  const prefix = uniquePrefix();
  const processes = Array.from({ length: 4 }, () => limitsOf(t, redisUrl ?? '', prefix).limits);
  const taken = await Promise.all(processes.flatMap((one) => [one.take('a', THREE), one.take('a', THREE)]));
  assert.equal(taken.filter(({ allowed }) => allowed).length, 3);
});

test('what is counted is gone when its window is over', { skip: missing('redis') }, async (t) => {
  const prefix = uniquePrefix();
  const { limits } = limitsOf(t, redisUrl ?? '', prefix);
  const redis = new Redis(redisUrl ?? '');
  t.after(() => redis.disconnect());
  await limits.take('a', [named('burst', 3, 50), named('sustained', 2_000, 200)]);
  assert.ok((await redis.keys(`${prefix}*`)).length > 0);
  await waitFor('the keys to go', async () => (await redis.keys(`${prefix}*`)).length === 0);
});

test('of a wide limit no more than a thousand moments are kept', { skip: missing('redis') }, async (t) => {
  const prefix = uniquePrefix();
  const { limits } = limitsOf(t, redisUrl ?? '', prefix);
  const redis = new Redis(redisUrl ?? '');
  t.after(() => redis.disconnect());
  const wide = [named('burst', 1_000_000, 2_000)];
  const untilMs = performance.now() + 1_000;
  for (let total = 0; performance.now() < untilMs; ) {
    const taken = await Promise.all(Array.from({ length: 100 }, () => limits.take('a', wide)));
    assert.ok(taken.every(({ allowed }) => allowed));
    total += taken.length;
    assert.equal(1_000_000 - Math.min(...taken.map(({ windows }) => windows[0]?.remaining ?? 0)), total);
  }
  const [key = ''] = await redis.keys(`${prefix}*`);
  assert.ok((await redis.llen(key)) <= 501);
});

test('while Redis is away each process counts alone, says so once, and counts with the others when it is back', {
  skip: missingOwn('redis'),
}, async (t) => {
  const server = await startRedis(t);
  const { limits, lines } = limitsOf(t, server.url, 'h.');
  assert.equal((await limits.take('a', THREE)).allowed, true);
  await server.stop('SIGKILL');
  // One was counted before: this process knows of it.
  const taken = [];
  for (let i = 0; i < 5; i++) taken.push((await limits.take('a', THREE)).allowed);
  assert.deepEqual(taken, [true, true, false, false, false]);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['Redis is away: rate limits are counted in this process alone'],
  );
  await server.start();
  // It has forgotten all: that it counts is seen from the places that are there again.
  await waitFor('Redis to count', async () => (await limits.take('a', THREE)).allowed);
  assert.equal(lines.at(-1)?.msg, 'Redis is there again: rate limits are counted across processes');
  assert.equal(lines.length, 2);
});

test('a Redis that hangs holds nothing up for long', { skip: missingOwn('redis') }, async (t) => {
  const server = await startRedis(t);
  const { limits } = limitsOf(t, server.url, 'h.');
  await limits.take('a', THREE);
  server.signal('SIGSTOP');
  t.after(() => server.signal('SIGCONT'));
  const startedMs = performance.now();
  for (let i = 0; i < 50; i++) await limits.take(`b${i}`, THREE);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 1_000, `${tookMs} ms for 50 posts`);
});
