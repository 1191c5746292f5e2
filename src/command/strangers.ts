// Requests without a token that is known, by address: after so many in a time they are answered 429, and nothing is
// looked up for them any more. Whoever bears a good token is not held up by others of the same address.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RateLimit } from '../rate-limit.ts';
import { Problem } from './problem.ts';

/** Addresses (of IPv6: networks of 64 bits) whose counts are kept; the one unused for longest is pushed out. */
const MAX_ADDRESSES = 10_000;

/** Counts a request that nobody vouches for; rejects with Problem 429 if it is one too many. */
export type Strangers = (request: FastifyRequest) => Promise<void>;

/** Needs @fastify/rate-limit to be registered on the server. `limit` null: there is none. */
export function createStrangers(server: FastifyInstance, limit: RateLimit | null): Strangers {
  if (limit === null) return async () => {};
  const options = { max: limit.max, timeWindow: limit.windowMs, cache: MAX_ADDRESSES };
  const count = server.createRateLimit(options);
  return async (request) => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    const detail = 'Too many requests of this address had no token that is known.';
    throw new Problem(429, 'rate-limited', detail, { 'retry-after': String(counted.ttlInSeconds) });
  };
}
