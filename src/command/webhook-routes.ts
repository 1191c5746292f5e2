// POST /api/v1/webhooks/<resource>: authenticate, limit, check, append, answer. 201 means that the event is durable.
// The body is kept as the bytes that came; it is parsed here only to see that it is what it must be.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
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
import { inputParser } from './input.ts';
import { createLimiter } from './limiter.ts';
import type { InboundResource } from './resources/resource.ts';
import type { Strangers } from './strangers.ts';

export interface WebhookRoutesOptions {
  log: Log;
  limits: Limits;
  strangers: Strangers;
  directory: Directory;
  clock: Clock;
  resources: readonly InboundResource[];
  production: boolean;
  /** Origins of pages that may post. */
  cors: readonly string[];
  /** Of a body. */
  limitBytes: number;
}

/** Headers that are kept with an event. */
const KEPT_HEADERS = ['user-agent', 'content-type', 'origin', 'x-request-id'] as const;
/** Of each kept header so much. */
const KEPT_LENGTH = 256;

const ANSWER_SCHEMA = {
  201: { type: 'object', properties: { id: { type: 'string' }, status: { type: 'string' } } },
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Who posts; set once it is authenticated. */
    integration: Integration | null;
  }
}

export async function webhookRoutes(server: FastifyInstance, options: WebhookRoutesOptions): Promise<void> {
  const { log, limits, strangers, directory, clock, resources, production, limitBytes } = options;
  server.decorateRequest('integration', null);
  // Before who posts is asked: a browser's question bears no token, and what is answered is to be read by the page.
  await allowOrigins(server, options.cors);
  acceptJson(server, limitBytes);
  await acceptPacked(server);
  const limit = createLimiter(limits);

  // Before the body is read: who may not post is not to keep us reading.
  server.addHook('onRequest', async (request) => {
    const found = findIntegration(directory, request, strangers);
    const integration = found instanceof Promise ? await found : found;
    ensureAllowed(integration, request, production);
    request.integration = integration;
    if (log.isFull()) throw new LogBusy();
  });

  const postOf = (request: FastifyRequest, reply: FastifyReply): Post => {
    const integration = integrationOf(request);
    const { id: integrationId, organizationId, projectId } = integration;
    const headers = keptHeaders(request);
    return {
      limit: () => limit(reply, integration),
      event(type, body) {
        const receivedAtMs = clock();
        const ids = { id: newId('in', receivedAtMs), organizationId, projectId, integrationId };
        return { type, ...ids, receivedAtMs, headers, body, imported: false };
      },
    };
  };

  for (const { path, event: type, schema } of resources) {
    const parse = inputParser<object>(schema);
    server.post(`/webhooks/${path}`, { schema: { response: ANSWER_SCHEMA } }, async (request, reply) => {
      const body = jsonBody(request);
      parse(body.value);
      const post = postOf(request, reply);
      await post.limit();
      const event = post.event(type, body.bytes);
      await log.append([event]);
      reply.code(201);
      return { id: event.id, status: 'pending' };
    });
  }
  await server.register((scope) => batchRoutes(scope, { log, resources, postOf, limitBytes }));
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
