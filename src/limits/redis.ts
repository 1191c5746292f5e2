// Limits that are counted across processes, in Redis: one script a call, which Redis runs as a whole, by its own clock. While
// Redis is away each process counts for itself, and nothing is refused for it.

import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Limits, type NamedLimit, stepMs, type Taken } from './limits.ts';
import { createMemoryLimits } from './memory.ts';

export interface RedisLimitsOptions {
  /** `redis://` or, with TLS, `rediss://`. */
  url: string;
  /** What the names of keys begin with. */
  prefix: string;
  logger: Pick<Logger, 'warn' | 'info'>;
}

/** An answer that takes longer is not waited for: a post is not to be slow because Redis is. */
const ANSWER_WITHIN_MS = 250;
/** Between two tries to connect; and how long one that did not answer is not asked again. */
const RETRY_MS = 1_000;

/**
 * Each window is a list of moments, in microseconds, oldest first, as `moment:first:last`: the numbers of the first and
 * the last that was let through at it. As in window.ts, moments may be rounded up to a step, and stay until `moment +
 * window`. A key is gone when its window is empty. Arguments: for each key the limit, the window and the step, in
 * milliseconds.
 * Answers whether all have a place, and for each key how many are left and in how many milliseconds there is one more.
 */
const SCRIPT = `
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local function parse(text)
    local at, first, last = string.match(text, '^(%d+):(%d+):(%d+)$')
    return tonumber(at), tonumber(first), tonumber(last)
  end
  local allowed = 1
  local totals, lasts = {}, {}
  for i, key in ipairs(KEYS) do
    local max, window = tonumber(ARGV[3 * i - 2]), ARGV[3 * i - 1] * 1000
    local oldest = redis.call('LINDEX', key, 0)
    while oldest and parse(oldest) + window <= now do
      redis.call('LPOP', key)
      oldest = redis.call('LINDEX', key, 0)
    end
    totals[i], lasts[i] = 0, 0
    if oldest then
      local _, first = parse(oldest)
      local _, _, last = parse(redis.call('LINDEX', key, -1))
      totals[i], lasts[i] = last - first + 1, last
    end
    if totals[i] >= max then allowed = 0 end
  end
  local answer = { allowed }
  for i, key in ipairs(KEYS) do
    local max, window, step = tonumber(ARGV[3 * i - 2]), ARGV[3 * i - 1] * 1000, ARGV[3 * i] * 1000
    if allowed == 1 then
      local at = now
      if step > 0 then at = math.ceil(now / step) * step end
      local number = lasts[i] + 1
      local newest = redis.call('LINDEX', key, -1)
      local latest, first
      if newest then latest, first = parse(newest) end
      if latest and latest >= at then
        redis.call('LSET', key, -1, string.format('%d:%d:%d', latest, first, number))
      else
        redis.call('RPUSH', key, string.format('%d:%d:%d', at, number, number))
      end
      redis.call('PEXPIRE', key, math.ceil((window + step) / 1000))
      totals[i], lasts[i] = totals[i] + 1, number
    end
    local freed = 0
    if totals[i] > 0 then
      local index = 0
      local at, _, last = parse(redis.call('LINDEX', key, 0))
      while lasts[i] - last >= max do
        index = index + 1
        at, _, last = parse(redis.call('LINDEX', key, index))
      end
      freed = math.ceil((at + window - now) / 1000)
    end
    answer[2 * i] = math.max(0, max - totals[i])
    answer[2 * i + 1] = freed
  end
  return answer`;

declare module 'ioredis' {
  interface RedisCommander {
    takePlace(keys: number, ...keysAndLimits: (string | number)[]): Promise<number[]>;
  }
}

/** Counts in Redis. Does not wait for it to be there: until it is, and whenever it is not, this process counts alone. */
export function createRedisLimits({ url, prefix, logger }: RedisLimitsOptions): Limits {
  const redis = new Redis(url, {
    // What is asked before the first connection waits for it, as for an answer; what was asked of one that is lost does not.
    maxRetriesPerRequest: 0,
    commandTimeout: ANSWER_WITHIN_MS,
    retryStrategy: (tries) => Math.min(50 * tries, RETRY_MS),
  });
  redis.defineCommand('takePlace', { lua: SCRIPT });
  const alone = createMemoryLimits();
  let away = false;
  let askAgainMs = 0;

  function isAway(error: unknown): void {
    if (away) return;
    away = true;
    logger.warn({ err: error }, 'Redis is away: rate limits are counted in this process alone');
  }

  function isThere(): void {
    if (away) logger.info('Redis is there again: rate limits are counted across processes');
    away = false;
  }

  // Of a connection; each call that fails for it says so as well.
  redis.on('error', isAway);

  return {
    async take(key, limits) {
      if (limits.length === 0) return { allowed: true, windows: [] };
      if (performance.now() < askAgainMs) return alone.take(key, limits);
      // The braces keep the windows of one key together in a cluster.
      const keys = limits.map(({ name }) => `${prefix}limits:{${key}}:${name}`);
      const bounds = limits.flatMap((limit) => [limit.max, limit.windowMs, stepMs(limit)]);
      try {
        const taken = takenOf(await redis.takePlace(keys.length, ...keys, ...bounds), limits);
        isThere();
        // So that what this process let through counts when it has to go on alone.
        if (taken.allowed) alone.note(key, limits);
        return taken;
      } catch (error) {
        isAway(error);
        askAgainMs = performance.now() + RETRY_MS;
        return alone.take(key, limits);
      }
    },
    async close() {
      redis.disconnect();
    },
  };
}

function takenOf([allowed, ...states]: number[], limits: readonly NamedLimit[]): Taken {
  const windows = limits.map((_, i) => ({
    remaining: states[2 * i] ?? 0,
    freedInMs: states[2 * i + 1] ?? 0,
  }));
  return { allowed: allowed === 1, windows };
}
