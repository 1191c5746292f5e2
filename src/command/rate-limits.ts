// Rate limits of integrations: so many posts in so long a time, a burst limit and a sustained one. Counted are posts
// that are accepted but for it: one that is refused for another reason uses nothing up.

import type { CreateRateLimitOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseDuration } from '../time.ts';
import type { Integration } from './directory-state.ts';
import { Problem } from './problem.ts';

export interface RateLimit {
  max: number;
  windowMs: number;
}

const MAX_COUNT = 1_000_000;
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 86_400_000;
/** Integrations whose counts are kept; one that was pushed out starts from zero. */
const MAX_COUNTED = 100_000;

/** `3/6s`: 3 in 6 seconds. Undefined: not a rate limit. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const [, count = '', time = ''] = /^(\d{1,7})\/(.+)$/.exec(text) ?? [];
  const max = Number(count);
  const windowMs = parseDuration(time);
  if (windowMs === undefined || max < 1 || max > MAX_COUNT) return undefined;
  return windowMs >= MIN_WINDOW_MS && windowMs <= MAX_WINDOW_MS ? { max, windowMs } : undefined;
}

/** Counts a post of an integration; throws Problem 429 if it is one too many. Sets the RateLimit headers. */
export type Limiter = (
  request: FastifyRequest,
  reply: FastifyReply,
  integration: Integration,
) => Promise<void>;

/** Needs @fastify/rate-limit to be registered on the server. */
export function createLimiter(
  server: FastifyInstance,
  integrationOf: (request: FastifyRequest) => Integration,
): Limiter {
  const parsed = new Map<string, RateLimit>();
  const limitOf = (text: string | null): RateLimit => {
    let limit = parsed.get(text ?? '');
    if (limit === undefined) {
      limit = parseRateLimit(text ?? '') ?? { max: MAX_COUNT, windowMs: MIN_WINDOW_MS };
      if (parsed.size >= MAX_COUNTED) parsed.clear();
      parsed.set(text ?? '', limit);
    }
    return limit;
  };
  const limiterOf = (which: 'burst' | 'sustained') => {
    // `cache` is missing in the plugin's types.
    const options: CreateRateLimitOptions & { cache: number } = {
      cache: MAX_COUNTED,
      keyGenerator: (request) => integrationOf(request).id,
      max: (request) => limitOf(integrationOf(request)[which]).max,
      timeWindow: (request) => limitOf(integrationOf(request)[which]).windowMs,
    };
    return server.createRateLimit(options);
  };
  // Two hooks would not do: of two on one route the plugin passes over the second.
  const limiters = { burst: limiterOf('burst'), sustained: limiterOf('sustained') };

  return async (request, reply, integration) => {
    let tightest = Number.POSITIVE_INFINITY;
    for (const which of ['burst', 'sustained'] as const) {
      if (integration[which] === null) continue;
      const count = await limiters[which](request);
      if (count.isAllowed) continue;
      const { max, remaining, ttlInSeconds, isExceeded } = count;
      if (remaining < tightest || isExceeded) {
        tightest = remaining;
        reply.header('ratelimit-limit', max);
        reply.header('ratelimit-remaining', remaining);
        reply.header('ratelimit-reset', ttlInSeconds);
      }
      if (isExceeded) {
        const detail = `The ${which} limit of this integration is ${integration[which]}.`;
        throw new Problem(429, 'rate-limited', detail, { 'retry-after': String(ttlInSeconds) });
      }
    }
  };
}
