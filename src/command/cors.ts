// Posts from browsers: error trackers' SDKs run in pages of other origins than ours. Which of them may post, a browser asks
// first (preflight, CORS); who may not is kept out by the browser, and by the integration's own origins.

import type { FastifyInstance } from 'fastify';

/** What a page may send, and what it may read of an answer. */
const ALLOWED_HEADERS = [
  'authorization',
  'content-type',
  'content-encoding',
  'idempotency-key',
  'x-request-id',
];
const EXPOSED_HEADERS = [
  ...['retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
  ...['x-request-id', 'idempotent-replayed'],
];
/** For so long a browser need not ask again. */
const MAX_AGE_S = 86_400;

/** Lets pages of these origins (`*`: of any) post to the routes that `server` gets from now on. None: nobody is let. */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const { default: cors } = await import('@fastify/cors');
  await server.register(cors, {
    origin: [...origins],
    methods: ['POST'],
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: MAX_AGE_S,
    // Its own answer would be no problem as RFC 9457 has it.
    strictPreflight: false,
  });
  server.addHook('onRoute', ({ routePath, method }) => {
    if (method !== 'POST') return;
    // Answered by the hook of the plugin.
    server.options(routePath, async (_request, reply) => reply.code(204).send());
  });
}
