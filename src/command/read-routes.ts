// The routes that ask: lists with the filters of the CLI, and single things, as the read models have them.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Filters, Queries } from '../query/queries.ts';
import type { ResourceName } from '../query/resources.ts';
import { InvalidInput } from './input.ts';

const COLLECTIONS = [
  'organizations',
  'projects',
  'integrations',
  'endpoints',
  'deliveries',
  'logs',
  'inbound-webhooks',
] as const satisfies readonly ResourceName[];

/** Lists within another thing: GET /<within>/:id/<collection>, and the filter that this is. */
const LISTED_WITHIN = [
  { within: 'organizations', collection: 'projects', filter: 'org' },
  { within: 'organizations', collection: 'endpoints', filter: 'org' },
  { within: 'projects', collection: 'integrations', filter: 'project' },
] as const;

export async function readRoutes(server: FastifyInstance, { queries }: { queries: Queries }): Promise<void> {
  for (const collection of COLLECTIONS) {
    server.get(`/${collection}`, (request) => queries.list(collection, filtersOf(request)));
    server.get(`/${collection}/:id`, (request) => queries.show(collection, idOf(request)));
  }
  server.get('/deliveries/stats', (request) => queries.stats(filtersOf(request)));
  server.get('/logs/groups', (request) => queries.groups(filtersOf(request)));
  for (const { within, collection, filter } of LISTED_WITHIN) {
    server.get(`/${within}/:id/${collection}`, (request) =>
      queries.list(collection, { ...filtersOf(request), [filter]: idOf(request) }),
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
