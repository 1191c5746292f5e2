// POST /api/v1/webhooks/<resource>: authenticate, check, limit, append, answer. 201 means that the event is durable.
// The body is kept as the bytes that came, without the secrets in it; it is parsed here only to see that it is what it
// must be.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UNKEYED } from '../events.ts';
import { newId } from '../ids.ts';
import type { Limits } from '../limits/limits.ts';
import { type Log, LogBusy } from '../log/log.ts';
import type { Clock } from '../time.ts';
import { ensureAllowed, findIntegration } from './authenticate.ts';
import { batchRoutes, type Post } from './batch-routes.ts';
import { acceptJson, acceptPacked, jsonBody } from './body.ts';
import { allowOrigins } from './cors.ts';
import type { Directory } from './directory.ts';
import type { Integration } from './directory-state.ts';
import { idempotencyKeyOf, tellReplayed } from './idempotency-header.ts';
import { inputParser } from './input.ts';
import { createLimiter } from './limiter.ts';
import type { Once } from './once.ts';
import type { InboundResource } from './resources/resource.ts';
import type { Scrubber } from './scrub.ts';
import type { Strangers } from './strangers.ts';

export interface WebhookRoutesOptions {
  log: Log;
  once: Once;
  limits: Limits;
  strangers: Strangers;
  directory: Directory;
  clock: Clock;
  resources: readonly InboundResource[];
  production: boolean;
  scrubber: Pick<Scrubber, 'body'>;
  /** Origins of pages that may post. */
  cors: readonly string[];
  /** Of a body. */
  limitBytes: number;
}

/** Headers that are kept with an event. */
const KEPT_HEADERS = ['user-agent', 'content-type', 'origin', 'x-request-id'] as const;
/** Of each kept header so much. */
const KEPT_LENGTH = 256;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who posts; set once it is authenticated. */
    integration: Integration | null;
  }
}

export async function webhookRoutes(server: FastifyInstance, options: WebhookRoutesOptions): Promise<void> {
  const { log, once, limits, strangers, directory, clock, resources, production, scrubber, limitBytes } =
    options;
  server.decorateRequest('integration', null);
  // Before who posts is asked: a browser's question bears no token, and what is answered is to be read by the page.
  await allowOrigins(server, options.cors);
  acceptJson(server, limitBytes);
  acceptPacked(server);
  const limit = createLimiter(limits);

  // Before the body is read: who may not post is not to keep us reading.
  server.addHook('onRequest', (request, _reply, done) => {
    const admit = (integration: Integration) => {
      ensureAllowed(integration, request, production);
      request.integration = integration;
      if (log.isFull()) throw new LogBusy();
    };
    const found = findIntegration(directory, request, strangers);
    if (found instanceof Promise) return found.then(admit);
    admit(found);
    done();
    return;
  });

  const postOf = (request: FastifyRequest, reply: FastifyReply): Post => {
    const integration = integrationOf(request);
    const { id: integrationId, organizationId, projectId } = integration;
    const headers = keptHeaders(request);
    return {
      limit: () => limit(reply, integration),
      event(type, body, stamp) {
        const receivedAtMs = clock();
        const stamped = stamp ?? { id: newId('in', receivedAtMs), ...UNKEYED };
        const ids = { organizationId, projectId, integrationId };
        return { type, ...stamped, ...ids, receivedAtMs, headers, body, imported: false };
      },
    };
  };

  for (const { path, event: type, schema } of resources) {
    const parse = inputParser<object>(schema);
    server.post(`/webhooks/${path}`, async (request, reply) => {
      const json = jsonBody(request);
      parse(json.value);
      const body = scrubber.body(json);
      const post = postOf(request, reply);
      const key = idempotencyKeyOf(request);
      const scope = `${integrationOf(request).id} ${path}`;
      // A repeat uses up no place: who has heard no answer is to get it.
      const { id, replayed } = await once({ scope, key, body, prefix: 'in' }, async (stamp) => {
        await post.limit();
        await log.append([post.event(type, body, stamp())]);
      });
      tellReplayed(reply, replayed);
      reply.code(201);
      return { id, status: 'pending' };
    });
  }
  await server.register((scope) => batchRoutes(scope, { log, resources, scrubber, postOf, limitBytes }));
}

function integrationOf({ integration }: FastifyRequest): Integration {
  if (integration === null) throw new Error('the request was not authenticated');
  return integration;
}

function keptHeaders({ headers }: FastifyRequest): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value.slice(0, KEPT_LENGTH);
  }
  return kept;
}
