// POST /api/v1/webhooks/<resource>/batch: posts as newline-delimited JSON. Each line is a post of its own: checked, counted
// against the limits, and answered, on its own. Those that are taken are appended together.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InboundEvent } from '../events.ts';
import type { Log } from '../log/log.ts';
import { acceptLines, linesOf, parseJson } from './body.ts';
import { refuseIdempotencyKey } from './idempotency-header.ts';
import { InvalidInput, inputParser } from './input.ts';
import type { Stamp } from './once.ts';
import { Problem, type ProblemDetails, problemOf } from './problem.ts';
import type { InboundResource } from './resources/resource.ts';
import type { Scrubber } from './scrub.ts';

export interface BatchRoutesOptions {
  log: Log;
  resources: readonly InboundResource[];
  scrubber: Pick<Scrubber, 'body'>;
  /** Who posts, and how what is posted becomes an event. */
  postOf: (request: FastifyRequest, reply: FastifyReply) => Post;
  /** Of one line. */
  limitBytes: number;
}

/** What somebody posts. */
export interface Post {
  /** Counts it against the limits of the integration. Rejects with Problem 429. */
  limit(): Promise<void>;
  /** The event that it becomes, received now, of a body without secrets; without a stamp, one of its own. */
  event(type: InboundEvent['type'], body: Buffer, stamp?: Stamp<'in'>): InboundEvent;
}

/** Of a batch: its lines, and how many of the largest lines it has room for. */
const MAX_LINES = 1_000;
const LARGEST_LINES = 16;

/** How a line is answered. */
type Answer = { line: number } & ({ status: 201; id: string } | ProblemDetails);

export async function batchRoutes(server: FastifyInstance, options: BatchRoutesOptions): Promise<void> {
  const { log, resources, scrubber, postOf, limitBytes } = options;
  acceptLines(server, LARGEST_LINES * limitBytes);

  for (const { path, event: type, schema } of resources) {
    const parse = inputParser<object>(schema);
    server.post(`/webhooks/${path}/batch`, async (request, reply) => {
      refuseIdempotencyKey(request, 'does not count for a batch: post what is to be taken once alone');
      const lines = linesOf(request);
      if (lines.length > MAX_LINES)
        throw new Problem(
          413,
          'too-large',
          `A batch has ${MAX_LINES} lines at most, this one ${lines.length}.`,
        );
      const post = postOf(request, reply);
      const events: InboundEvent[] = [];
      const items: Answer[] = [];
      for (const { number: line, bytes } of lines) {
        try {
          if (bytes.length > limitBytes)
            throw new Problem(413, 'too-large', `A line has ${limitBytes} bytes at most.`);
          const json = parseJson(bytes, 'The line');
          parse(json.value);
          const body = scrubber.body(json);
          await post.limit();
          const event = post.event(type, body);
          events.push(event);
          items.push({ line, status: 201, id: event.id });
        } catch (error) {
          if (!(error instanceof Problem || error instanceof InvalidInput)) throw error;
          if (error instanceof Problem) reply.headers(error.headers);
          items.push({ line, ...problemOf(error) });
        }
      }
      if (events.length > 0) await log.append(events);
      return { accepted: events.length, refused: items.length - events.length, items };
    });
  }
}
