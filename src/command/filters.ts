// The query string of a request, as filters.

import type { FastifyRequest } from 'fastify';
import { unknownFilter } from '../query/filters.ts';
import type { Filters } from '../query/queries.ts';
import { InvalidInput } from './input.ts';

/** The query string, in which each filter may stand once. Throws InvalidInput. */
export function filtersOf(request: FastifyRequest): Filters {
  const filters = Object.entries(request.query as Record<string, unknown>).map(([name, value]) => {
    if (typeof value !== 'string') throw new InvalidInput([{ field: name, message: 'may be given once' }]);
    return [name, value] as const;
  });
  return Object.fromEntries(filters);
}

/** Throws InvalidQuery for a filter that is none of these. */
export function ensureKnown(filters: Filters, allowed: readonly string[]): void {
  for (const name of Object.keys(filters)) if (!allowed.includes(name)) throw unknownFilter(name, allowed);
}
