// Holds posts to the rate limits of their integration: a burst limit and a sustained one, in windows that slide. Counted
// are posts that are accepted but for it: one that is refused uses nothing up; one that the log did not answer does, as nobody
// knows whether it has it.

import type { FastifyReply } from 'fastify';
import type { Limits, NamedLimit, Taken } from '../limits/limits.ts';
import { rateLimitOf } from '../rate-limit.ts';
import type { Integration } from './directory-state.ts';
import { Problem } from './problem.ts';

/** Different limits that are kept parsed. */
const MAX_PARSED = 1_000;

/** Counts a post of an integration; throws Problem 429 if it is one too many. Sets the RateLimit headers. */
export type Limiter = (reply: FastifyReply, integration: Integration) => Promise<void>;

export function createLimiter(limits: Limits): Limiter {
  const parsed = new Map<string, NamedLimit[]>();

  function limitsOf({ burst, sustained }: Integration): NamedLimit[] {
    const texts = `${burst} ${sustained}`;
    const known = parsed.get(texts);
    if (known !== undefined) return known;
    const all = Object.entries({ burst, sustained }).flatMap(([name, text]) =>
      text === null ? [] : [{ name, ...rateLimitOf(text) }],
    );
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(texts, all);
    return all;
  }

  return async (reply, integration) => {
    const asked = limitsOf(integration);
    if (asked.length === 0) return;
    const taken = await limits.take(integration.id, asked);
    const { limit, remaining, freedInSeconds } = tightest(asked, taken);
    reply.header('ratelimit-limit', limit.max);
    reply.header('ratelimit-remaining', remaining);
    reply.header('ratelimit-reset', freedInSeconds);
    if (taken.allowed) return;
    const name = limit.name === 'burst' ? 'burst' : 'sustained';
    const detail = `The ${name} limit of this integration is ${integration[name]}.`;
    throw new Problem(429, 'rate-limited', detail, { 'retry-after': String(freedInSeconds) });
  };
}

/** The limit that leaves the fewest places; of those that leave none the one that is full for longest. */
function tightest(limits: readonly NamedLimit[], { windows }: Taken) {
  const [first, ...rest] = limits.map((limit, i) => {
    const { remaining = 0, freedInMs = 0 } = windows[i] ?? {};
    // Rounded up: who waits as long finds a place.
    return { limit, remaining, freedInSeconds: Math.ceil(freedInMs / 1_000) };
  });
  if (first === undefined) throw new Error('there is no limit to be the tightest');
  return rest.reduce((a, b) => {
    const isTighter =
      b.remaining < a.remaining || (b.remaining === a.remaining && b.freedInSeconds > a.freedInSeconds);
    return isTighter ? b : a;
  }, first);
}
