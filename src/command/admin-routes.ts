// The admin routes: thin, each a decision of admin/ behind a URL.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isId } from '../ids.ts';
import { NotFound } from '../query/errors.ts';
import { parseTime } from '../query/filters.ts';
import type { Queries, Retryable } from '../query/queries.ts';
import { formatSize } from '../size.ts';
import { type Clock, toIso } from '../time.ts';
import type { Access } from './access.ts';
import type { Administration } from './admin/administrator.ts';
import type { AdminContext, Decision } from './admin/decision.ts';
import { CHANGED, type Change, decide, MADE, MADE_WITHIN } from './admin/operations.ts';
import { perform } from './admin/perform.ts';
import { recoverMissed } from './admin/recover.ts';
import { MAX_RETRIED, MAX_RETRIED_BYTES, retryWebhooks } from './admin/retry.ts';
import { accessOf, UNBOUND } from './admit.ts';
import { acceptJson, jsonBody, jsonBodyOr } from './body.ts';
import { idempotencyKeyOf, tellReplayed } from './idempotency-header.ts';
import { InvalidInput, inputParser } from './input.ts';
import type { Once } from './once.ts';
import type { Scrubber } from './scrub.ts';

export interface AdminRoutesOptions {
  administration: Administration;
  once: Once;
  scrubber: Scrubber;
  queries: Queries;
  clock: Clock;
  /** The id of an organization that is given by id or name, as the directory knows it. Throws NotFound. */
  organizationId: (idOrName: string, access: Access) => string;
  /** Resolves when the read models have all that is in the log; bounded. */
  caughtUp: () => Promise<unknown>;
  /** Of a body. */
  limitBytes: number;
}

const parseIds = inputParser<{ ids: string[] }>({
  type: 'object',
  additionalProperties: false,
  required: ['ids'],
  properties: {
    ids: { type: 'array', minItems: 1, maxItems: MAX_RETRIED, items: { type: 'string', maxLength: 100 } },
  },
});

const parseMissed = inputParser<{ since: string; after?: string }>({
  type: 'object',
  additionalProperties: false,
  required: ['since'],
  properties: { since: { type: 'string', maxLength: 100 }, after: { type: 'string', maxLength: 100 } },
});

export async function adminRoutes(server: FastifyInstance, options: AdminRoutesOptions): Promise<void> {
  const { administration, once, scrubber, clock, organizationId, caughtUp } = options;
  const administratorFor = (request: FastifyRequest) => administration.for(accessOf(request));
  const queriesFor = (request: FastifyRequest) => options.queries.within(accessOf(request).organizationId);
  acceptJson(server, options.limitBytes);

  function idOf(request: FastifyRequest, collection: string): string {
    const { id } = request.params as { id: string };
    return collection === 'organizations' ? organizationId(id, accessOf(request)) : id;
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { status, by }: { status: number; by: (context: AdminContext) => Decision<object> },
  ): Promise<object> {
    const made = await administratorFor(request).run(by);
    reply.code(status);
    return made;
  }

  /**
   * What the read models alone know of a thing: when an organization's last webhook was sent. To be asked before
   * something is changed: if it fails, nothing has been.
   */
  async function knownByReading(request: FastifyRequest, collection: string): Promise<object> {
    if (collection !== 'organizations') return {};
    try {
      const { sentLastWebhookAt = null } = await queriesFor(request).show(
        collection,
        idOf(request, collection),
      );
      return { sentLastWebhookAt };
    } catch (error) {
      // They lag behind, or the decision will find that there is none.
      if (error instanceof NotFound) return { sentLastWebhookAt: null };
      throw error;
    }
  }

  for (const [collection] of entries(MADE)) {
    server.post(`/${collection}`, UNBOUND, (request, reply) => {
      const input = jsonBody(request).value;
      const by = (context: AdminContext) => decide(context, { type: 'create', collection, input });
      return answer(request, reply, { status: 201, by });
    });
  }
  for (const [collection, { within }] of entries(MADE_WITHIN)) {
    server.post(`/${within}/:id/${collection}`, async (request, reply) => {
      const input = jsonBody(request).value;
      const by = (context: AdminContext) =>
        decide(context, { type: 'create-within', collection, within: idOf(request, within), input });
      const made = await answer(request, reply, { status: 201, by });
      warnOfHttp(request, made);
      return made;
    });
  }
  server.post('/organizations/:id/events', async (request, reply) => {
    const organization = idOf(request, 'organizations');
    const input = jsonBody(request).value;
    const idempotencyKey = idempotencyKeyOf(request);
    const published = { type: 'publish', organization, input, idempotencyKey } as const;
    const { answer: made, replayed } = await perform(published, {
      administrator: administratorFor(request),
      once,
      scrubber,
    });
    tellReplayed(reply, replayed);
    reply.code(201);
    return made;
  });
  for (const [collection, { change, rotate, remove }] of entries(CHANGED)) {
    const path = `/${collection}/:id`;
    // Names of organizations are of the installation, and so is which there are.
    const needs = collection === 'organizations' ? UNBOUND : {};
    const changed = async (request: FastifyRequest, reply: FastifyReply, change: Change, input: unknown) => {
      const known = await knownByReading(request, collection);
      const by = (context: AdminContext) => change(context, idOf(request, collection), input);
      const made = await answer(request, reply, { status: 200, by });
      warnOfHttp(request, made);
      return { ...made, ...known };
    };
    server.patch(path, needs, (request, reply) => changed(request, reply, change, jsonBody(request).value));
    server.delete(path, needs, async (request, reply) => {
      await administratorFor(request).run((context) => remove(context, idOf(request, collection)));
      return reply.code(204).send();
    });
    if (rotate === undefined) continue;
    server.post(`${path}/rotate-secret`, (request, reply) =>
      changed(request, reply, rotate, jsonBodyOr(request, {})),
    );
  }
  server.post('/deliveries/:id/retry', async (request, reply) => {
    const [retried = {}] = await retry(request, [idOf(request, 'deliveries')]);
    reply.code(202);
    return retried;
  });
  server.post('/deliveries/retry', async (request, reply) => {
    const { ids } = parseIds(jsonBody(request).value);
    const items = await retry(request, ids);
    reply.code(202);
    return { items, cursor: null };
  });
  server.post('/endpoints/:id/test', (request, reply) => {
    const by = (context: AdminContext) => decide(context, { type: 'test', id: idOf(request, 'endpoints') });
    return answer(request, reply, { status: 202, by });
  });
  server.delete('/tokens/:id', UNBOUND, async (request, reply) => {
    const id = idOf(request, 'tokens');
    await administratorFor(request).run((context) => decide(context, { type: 'revoke', id }));
    return reply.code(204).send();
  });
  server.post('/endpoints/:id/recover', async (request, reply) => {
    const { since, after } = parseMissed(jsonBody(request).value);
    if (after !== undefined && !isId('wh', after))
      throw new InvalidInput([{ field: 'after', message: 'allowed: the id of a delivery' }]);
    const from = toIso(parseTime('since', since, clock()));
    await caughtUp();
    const queries = queriesFor(request);
    const administrator = administratorFor(request);
    const endpointId = await queries.resolve('endpoint', idOf(request, 'endpoints'));
    const recovered = await recoverMissed({ queries, administrator }, { endpointId, since: from, after });
    reply.code(202);
    return { endpointId, since: from, asked: recovered.ids.length, ...recovered };
  });

  /** All of them, each once, or none where one cannot be tried again. */
  async function retry(request: FastifyRequest, ids: readonly string[]): Promise<object[]> {
    // What was delivered a moment ago must not be sent again, because the read models do not know of it yet.
    await caughtUp();
    const queries = queriesFor(request);
    const webhooks: Retryable[] = [];
    let bytes = 0;
    for (const id of new Set(ids)) {
      const webhook = await queries.retryable(id);
      bytes += webhook.body.length;
      if (bytes > MAX_RETRIED_BYTES) throw tooMuch();
      webhooks.push(webhook);
    }
    return administratorFor(request).run((context) => retryWebhooks(context, webhooks));
  }
}

function tooMuch(): InvalidInput {
  const message = `what they are to send has more than ${formatSize(MAX_RETRIED_BYTES)}; ask for fewer at a time`;
  return new InvalidInput([{ field: 'ids', message }]);
}

function entries<K extends string, V>(table: Record<K, V>): [K, V][] {
  return Object.entries(table) as [K, V][];
}

/** Outside production an endpoint may be http. */
function warnOfHttp({ log }: FastifyRequest, made: object): void {
  if (!('url' in made && 'id' in made) || !String(made.url).toLowerCase().startsWith('http:')) return;
  log.warn({ endpoint: made.id }, 'this endpoint is sent secrets and data in the clear: its URL is http');
}
