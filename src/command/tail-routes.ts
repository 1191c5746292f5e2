// The routes that tell what happens from now on, an object of JSON a line, until the client goes, what he bears lets him in
// no longer, or we stop.

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Queries } from '../query/queries.ts';
import { type Tailed, type TailOptions, tail } from '../query/tail.ts';
import { admissionOf } from './admit.ts';
import { filtersOf } from './filters.ts';
import { onLeft, type Patience, unhurried } from './http-server.ts';
import { createPlaces } from './places.ts';
import { tailFilter } from './tail-filters.ts';

/** At a time. Each follows the log for itself. */
const MAX_TAILS = 50;
const TAILED: readonly Tailed[] = ['deliveries', 'logs'];

export interface TailRoutesOptions extends Omit<TailOptions, 'signal' | 'queries'> {
  queries: Queries;
  /** For clients that do not read; and how often it is looked for them, and for those who may follow no longer. */
  patience: Pick<Patience, 'silenceMs' | 'checkMs'>;
}

export async function tailRoutes(server: FastifyInstance, options: TailRoutesOptions): Promise<void> {
  const closing = new AbortController();
  const takePlace = createPlaces({ most: MAX_TAILS, what: 'tails', retryAfterSeconds: 10 });
  // Before the server waits for what is being answered: this would not end by itself.
  server.addHook('preClose', async () => closing.abort());
  for (const what of TAILED) {
    server.get(`/${what}/tail`, { exposeHeadRoute: false }, async (request, reply) => {
      const { access, ended } = admissionOf(request);
      const giveBack = takePlace(access);
      const over = unhurried(request, options.patience);
      const gone = new AbortController();
      const stay = onLeft(request, () => gone.abort());
      const check = setInterval(() => {
        if (ended() !== undefined) gone.abort();
      }, options.patience.checkMs);
      const signal = AbortSignal.any([closing.signal, gone.signal]);
      reply.raw.once('close', () => {
        giveBack();
        clearInterval(check);
        over();
        stay();
        gone.abort();
      });
      const queries = options.queries.within(access.organizationId);
      const isAsked = await tailFilter(what, filtersOf(request), queries);
      const items = await tail(what, { ...options, queries, signal });
      async function* lines(): AsyncGenerator<string> {
        // At once, so that the client knows from when on it is told.
        yield '\n';
        for await (const item of items) {
          // Who has lost the right is told of nothing more; asking again tells him why.
          if (ended() !== undefined) return;
          if (isAsked(item)) yield `${JSON.stringify(item)}\n`;
        }
      }
      return reply.type('application/x-ndjson').send(Readable.from(lines()));
    });
  }
}
