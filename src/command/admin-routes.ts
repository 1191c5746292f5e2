// The admin routes: thin, each a decision of admin/ behind a URL.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NotFound } from '../query/errors.ts';
import type { Queries } from '../query/queries.ts';
import type { Administrator } from './admin/administrator.ts';
import type { AdminContext, Decision } from './admin/decision.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  rotateEndpointSecret,
  testEndpoint,
} from './admin/endpoint.ts';
import {
  changeIntegration,
  createIntegration,
  deleteIntegration,
  rotateIntegrationSecret,
} from './admin/integration.ts';
import {
  changeOrganization,
  createOrganization,
  deleteOrganization,
  rotateOrganizationSecret,
} from './admin/organization.ts';
import { changeProject, createProject, deleteProject } from './admin/project.ts';
import { publishEvent } from './admin/publish.ts';
import { retryWebhooks } from './admin/retry.ts';
import { acceptJson, jsonBody } from './body.ts';

export interface AdminRoutesOptions {
  administrator: Administrator;
  queries: Pick<Queries, 'retryable' | 'show'>;
  /** The id of an organization that is given by id or name, as the directory knows it. */
  organizationId: (idOrName: string) => string;
  /** Resolves when the read models have all that is in the log; bounded. */
  caughtUp: () => Promise<unknown>;
  /** Of a body. */
  limitBytes: number;
}

type Change = (context: AdminContext, id: string, input: unknown) => Decision<object>;
type Delete = (context: AdminContext, id: string) => Decision;

/** What can be done to one thing, by the collection it is in. */
const SINGLE: readonly { collection: string; change: Change; rotate?: Change; remove: Delete }[] = [
  {
    collection: 'organizations',
    change: changeOrganization,
    rotate: rotateOrganizationSecret,
    remove: deleteOrganization,
  },
  { collection: 'projects', change: changeProject, remove: deleteProject },
  {
    collection: 'integrations',
    change: changeIntegration,
    rotate: rotateIntegrationSecret,
    remove: deleteIntegration,
  },
  { collection: 'endpoints', change: changeEndpoint, rotate: rotateEndpointSecret, remove: deleteEndpoint },
];

/** What can be made within another thing: POST /<within>/:id/<collection>. */
const MADE_WITHIN: readonly { within: string; collection: string; create: Change }[] = [
  { within: 'organizations', collection: 'projects', create: createProject },
  { within: 'organizations', collection: 'endpoints', create: createEndpoint },
  { within: 'organizations', collection: 'events', create: publishEvent },
  { within: 'projects', collection: 'integrations', create: createIntegration },
];

export async function adminRoutes(server: FastifyInstance, options: AdminRoutesOptions): Promise<void> {
  const { administrator, queries, organizationId, caughtUp } = options;
  acceptJson(server, options.limitBytes);

  function idOf(request: FastifyRequest, collection: string): string {
    const { id } = request.params as { id: string };
    return collection === 'organizations' ? organizationId(id) : id;
  }

  async function answer(
    reply: FastifyReply,
    status: number,
    decide: (context: AdminContext) => Decision<object>,
  ): Promise<object> {
    const made = await administrator.run(decide);
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
      const { sentLastWebhookAt = null } = await queries.show(collection, idOf(request, collection));
      return { sentLastWebhookAt };
    } catch (error) {
      // They lag behind, or the decision will find that there is none.
      if (error instanceof NotFound) return { sentLastWebhookAt: null };
      throw error;
    }
  }

  server.post('/organizations', (request, reply) => {
    const input = jsonBody(request).value;
    return answer(reply, 201, (context) => createOrganization(context, input));
  });
  for (const { within, collection, create } of MADE_WITHIN) {
    server.post(`/${within}/:id/${collection}`, async (request, reply) => {
      const input = jsonBody(request).value;
      const made = await answer(reply, 201, (context) => create(context, idOf(request, within), input));
      warnOfHttp(request, made);
      return made;
    });
  }
  for (const { collection, change, rotate, remove } of SINGLE) {
    const path = `/${collection}/:id`;
    server.patch(path, async (request, reply) => {
      const input = jsonBody(request).value;
      const known = await knownByReading(request, collection);
      const decide = (context: AdminContext) => change(context, idOf(request, collection), input);
      const changed = await answer(reply, 200, decide);
      warnOfHttp(request, changed);
      return { ...changed, ...known };
    });
    server.delete(path, async (request, reply) => {
      await administrator.run((context) => remove(context, idOf(request, collection)));
      return reply.code(204).send();
    });
    if (rotate === undefined) continue;
    server.post(`${path}/rotate-secret`, async (request, reply) => {
      const known = await knownByReading(request, collection);
      const input = isEmpty(request) ? {} : jsonBody(request).value;
      const decide = (context: AdminContext) => rotate(context, idOf(request, collection), input);
      return { ...(await answer(reply, 200, decide)), ...known };
    });
  }
  server.post('/deliveries/:id/retry', async (request, reply) => {
    // What was delivered a moment ago must not be sent again, because the read models do not know of it yet.
    await caughtUp();
    const webhook = await queries.retryable(idOf(request, 'deliveries'));
    const [retried = {}] = await administrator.run((context) => retryWebhooks(context, [webhook]));
    reply.code(202);
    return retried;
  });
  server.post('/endpoints/:id/test', (request, reply) =>
    answer(reply, 202, (context) => testEndpoint(context, idOf(request, 'endpoints'))),
  );
}

function isEmpty({ body }: FastifyRequest): boolean {
  return !Buffer.isBuffer(body) || body.length === 0;
}

/** Outside production an endpoint may be http. */
function warnOfHttp({ log }: FastifyRequest, made: object): void {
  if (!('url' in made && 'id' in made) || !String(made.url).toLowerCase().startsWith('http:')) return;
  log.warn({ endpoint: made.id }, 'this endpoint is sent secrets and data in the clear: its URL is http');
}
