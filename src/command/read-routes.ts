// The routes that ask: lists with the filters of the CLI, and single things, as the read models have them.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Filters, Queries } from '../query/queries.ts';
import type { ResourceName } from '../query/resources.ts';
import { accessOf, UNBOUND } from './admit.ts';
import { InvalidInput } from './input.ts';

const COLLECTIONS = [
  'organizations',
  'projects',
  'integrations',
  'endpoints',
  'deliveries',
  'logs',
  'inbound-webhooks',
  'tokens',
] as const satisfies readonly ResourceName[];

/** Lists within another thing: GET /<within>/:id/<collection>, and the filter that this is. */
const LISTED_WITHIN = [
  { within: 'organizations', collection: 'projects', filter: 'org' },
  { within: 'organizations', collection: 'endpoints', filter: 'org' },
  { within: 'projects', collection: 'integrations', filter: 'project' },
] as const;

export async function readRoutes(server: FastifyInstance, options: { queries: Queries }): Promise<void> {
  const queriesFor = (request: FastifyRequest) => options.queries.within(accessOf(request).organizationId);
  for (const collection of COLLECTIONS) {
    const needs = collection === 'tokens' ? UNBOUND : {};
    server.get(`/${collection}`, needs, (request) =>
      queriesFor(request).list(collection, filtersOf(request)),
    );
    server.get(`/${collection}/:id`, needs, (request) => queriesFor(request).show(collection, idOf(request)));
  }
  server.get('/deliveries/stats', (request) => queriesFor(request).stats(filtersOf(request)));
  server.get('/logs/groups', (request) => queriesFor(request).groups(filtersOf(request)));
  server.get('/audit', (request) => queriesFor(request).audit(filtersOf(request)));
  for (const { within, collection, filter } of LISTED_WITHIN) {
    server.get(`/${within}/:id/${collection}`, (request) =>
      queriesFor(request).list(collection, { ...filtersOf(request), [filter]: idOf(request) }),
    );
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

/** The query string, in which each filter may stand once. */
function filtersOf(request: FastifyRequest): Filters {
  const filters = Object.entries(request.query as Record<string, unknown>).map(([name, value]) => {
    if (typeof value !== 'string') throw new InvalidInput([{ field: name, message: 'may be given once' }]);
    return [name, value] as const;
  });
  return Object.fromEntries(filters);
}
