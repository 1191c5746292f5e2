// The routes that ask: lists with the filters of the CLI, and single things, as the read models have them.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Queries } from '../query/queries.ts';
import { RESOURCES, type ResourceName } from '../query/resources.ts';
import { accessOf, UNBOUND } from './admit.ts';
import { ensureKnown, filtersOf } from './filters.ts';
import { createPlaces } from './places.ts';

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

/** Statistics at a time: each reads all that it counts. */
const MAX_STATS = 8;

export async function readRoutes(server: FastifyInstance, options: { queries: Queries }): Promise<void> {
  const queriesFor = (request: FastifyRequest) => options.queries.within(accessOf(request).organizationId);
  const takePlace = createPlaces({ most: MAX_STATS, what: 'statistics', retryAfterSeconds: 5 });
  for (const collection of COLLECTIONS) {
    const needs = collection === 'tokens' ? UNBOUND : {};
    server.get(`/${collection}`, needs, (request) =>
      queriesFor(request).list(collection, filtersOf(request)),
    );
    server.get(`/${collection}/:id`, needs, (request) => queriesFor(request).show(collection, idOf(request)));
  }
  server.get('/deliveries/stats', async (request, reply) => {
    const giveBack = takePlace(accessOf(request));
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    try {
      return await queriesFor(request).stats(filtersOf(request), gone.signal);
    } finally {
      giveBack();
    }
  });
  server.get('/logs/groups', (request) => queriesFor(request).groups(filtersOf(request)));
  server.get('/audit', (request) => queriesFor(request).audit(filtersOf(request)));
  for (const { within, collection, filter } of LISTED_WITHIN) {
    const others = Object.keys(RESOURCES[collection].filters).filter((name) => name !== filter);
    server.get(`/${within}/:id/${collection}`, async (request) => {
      const filters = filtersOf(request);
      // What the path says must not be said once more: which of the two is meant?
      ensureKnown(filters, [...others, 'limit', 'cursor']);
      return queriesFor(request).list(collection, { ...filters, [filter]: idOf(request) });
    });
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}
