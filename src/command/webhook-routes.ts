// POST /api/v1/webhooks/<resource>: authenticate, limit, check, append, answer. 201 means that the event is durable.
// The body is kept as the bytes that came; it is parsed here only to see that it is what it must be.

import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { newId } from '../ids.ts';
import type { Log } from '../log/log.ts';
import type { Clock } from '../time.ts';
import { ensureAllowed, findIntegration } from './authenticate.ts';
import type { Directory } from './directory.ts';
import type { Integration } from './directory-state.ts';
import { InvalidInput, inputParser } from './input.ts';
import { Problem } from './problem.ts';
import { createLimiter } from './rate-limits.ts';
import type { InboundResource } from './resources/resource.ts';

export interface WebhookRoutesOptions {
  log: Log;
  directory: Directory;
  clock: Clock;
  resources: readonly InboundResource[];
  production: boolean;
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
  const { log, directory, clock, resources, production, limitBytes } = options;
  server.decorateRequest('integration', null);
  server.removeAllContentTypeParsers();
  for (const type of ['application/json', /^application\/([\w.-]+\+)?json\s*(;|$)/i]) {
    server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: limitBytes }, (_request, body, done) =>
      done(null, body),
    );
  }
  const limit = createLimiter(server, integrationOf);

  // Before the body is read: who may not post is not to keep us reading.
  server.addHook('onRequest', async (request) => {
    const found = findIntegration(directory, request);
    const integration = found instanceof Promise ? await found : found;
    ensureAllowed(integration, request, production);
    request.integration = integration;
  });

  for (const { path, event: type, schema } of resources) {
    const parse = inputParser<object>(schema);
    server.post(`/webhooks/${path}`, { schema: { response: ANSWER_SCHEMA } }, async (request, reply) => {
      const integration = integrationOf(request);
      const body = jsonBody(request.body);
      ensureObject(body.value);
      parse(body.value);
      await limit(request, reply, integration);
      const receivedAtMs = clock();
      const id = newId('in', receivedAtMs);
      const { id: integrationId, organizationId, projectId } = integration;
      const headers = keptHeaders(request);
      const ids = { id, organizationId, projectId, integrationId };
      await log.append([{ type, ...ids, receivedAtMs, headers, body: body.bytes }]);
      reply.code(201);
      return { id, status: 'pending' };
    });
  }
}

function integrationOf({ integration }: FastifyRequest): Integration {
  if (integration === null) throw new Error('the request was not authenticated');
  return integration;
}

/** The body as bytes and as what they say. Throws Problem 400 unless it is JSON. */
function jsonBody(body: unknown): { bytes: Buffer; value: unknown } {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new Problem(400, 'not-json', 'The body is empty; it must be a JSON object.');
  }
  if (!isUtf8(body)) throw new Problem(400, 'not-json', 'The body is not UTF-8.');
  try {
    return { bytes: body, value: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Problem(400, 'not-json', `The body is not JSON: ${error.message}.`);
  }
}

function ensureObject(value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidInput([{ field: '', message: 'the body must be a JSON object' }]);
}

function keptHeaders({ headers }: FastifyRequest): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value.slice(0, KEPT_LENGTH);
  }
  return kept;
}
