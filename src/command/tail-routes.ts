// The routes that tell what happens from now on, an object of JSON a line, until the client goes or we stop.

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Queries } from '../query/queries.ts';
import { type Tailed, type TailOptions, tail } from '../query/tail.ts';
import { accessOf } from './admit.ts';
import { onLeft, unhurried } from './http-server.ts';
import { Problem } from './problem.ts';

/** At a time. Each follows the log for itself. */
const MAX_TAILS = 50;
const TAILED: readonly Tailed[] = ['deliveries', 'logs'];

export type TailRoutesOptions = Omit<TailOptions, 'signal' | 'queries'> & { queries: Queries };

export async function tailRoutes(server: FastifyInstance, options: TailRoutesOptions): Promise<void> {
  const closing = new AbortController();
  let tails = 0;
  // Before the server waits for what is being answered: this would not end by itself.
  server.addHook('preClose', async () => closing.abort());
  for (const what of TAILED) {
    server.get(`/${what}/tail`, { exposeHeadRoute: false }, async (request, reply) => {
      if (tails >= MAX_TAILS)
        throw new Problem(503, 'busy', `${MAX_TAILS} clients follow already.`, { 'retry-after': '10' });
      tails++;
      const over = unhurried(request);
      const gone = new AbortController();
      const stay = onLeft(request, () => gone.abort());
      const signal = AbortSignal.any([closing.signal, gone.signal]);
      reply.raw.once('close', () => {
        tails--;
        over();
        stay();
        gone.abort();
      });
      const queries = options.queries.within(accessOf(request).organizationId);
      const items = await tail(what, { ...options, queries, signal });
      async function* lines(): AsyncGenerator<string> {
        // At once, so that the client knows from when on it is told.
        yield '\n';
        for await (const item of items) yield `${JSON.stringify(item)}\n`;
      }
      return reply.type('application/x-ndjson').send(Readable.from(lines()));
    });
  }
}
