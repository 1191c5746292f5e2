// Counts posts against the rate limits of their integration: a burst limit and a sustained one. Counted are posts
// that are accepted but for it: one that is refused for another reason uses nothing up. Windows are fixed: one begins
// with the first post after the end of the one before. Counts are those of this process, and gone when it ends.

import type { CreateRateLimitOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseRateLimit, type RateLimit } from '../rate-limit.ts';
import type { Integration } from './directory-state.ts';
import { Problem } from './problem.ts';

/** Integrations whose counts are kept; one that was pushed out starts from zero. */
const MAX_COUNTED = 100_000;
/** Different limits that are kept parsed. */
const MAX_PARSED = 1_000;

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

  function limitOf(request: FastifyRequest, which: 'burst' | 'sustained'): RateLimit {
    const text = integrationOf(request)[which] ?? '';
    const known = parsed.get(text);
    if (known !== undefined) return known;
    const limit = parseRateLimit(text);
    if (limit === undefined) throw new Error(`an integration has ${JSON.stringify(text)} as its rate limit`);
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(text, limit);
    return limit;
  }

  function limiterOf(which: 'burst' | 'sustained') {
    // `cache` is missing in the plugin's types.
    const options: CreateRateLimitOptions & { cache: number } = {
      cache: MAX_COUNTED,
      keyGenerator: (request) => integrationOf(request).id,
      max: (request) => limitOf(request, which).max,
      timeWindow: (request) => limitOf(request, which).windowMs,
    };
    return server.createRateLimit(options);
  }

  // Two hooks would not do: of two on one route the plugin passes over the second.
  const limiters = { burst: limiterOf('burst'), sustained: limiterOf('sustained') };

  return async (request, reply, integration) => {
    let tightest = Number.POSITIVE_INFINITY;
    // The burst first: what it refuses is not to use up the hour.
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
