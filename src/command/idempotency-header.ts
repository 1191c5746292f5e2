// The header Idempotency-Key of a request, and how its answer tells of a repeat.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { isIdempotencyKey, KEY_ALLOWED } from '../idempotency-key.ts';
import { InvalidInput } from './input.ts';

/** The request's key; undefined: it has none. Throws InvalidInput for one that cannot be. */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined || (typeof key === 'string' && isIdempotencyKey(key))) return key;
  throw wrong(`allowed: ${KEY_ALLOWED}`);
}

/** Throws InvalidInput for a request that has a key where none counts. `why` is for people. */
export function refuseIdempotencyKey({ headers }: FastifyRequest, why: string): void {
  if (headers['idempotency-key'] !== undefined) throw wrong(why);
}

/** As others tell of it (Stripe does), so that clients know a repeat. */
export function tellReplayed(reply: FastifyReply, replayed: boolean): void {
  if (replayed) reply.header('idempotent-replayed', 'true');
}

function wrong(message: string): InvalidInput {
  return new InvalidInput([{ field: 'Idempotency-Key', message }]);
}
