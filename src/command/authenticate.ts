// Who is asking: Bearer tokens, compared by their SHA-256 in constant time.

import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { hashToken } from '../secrets.ts';
import type { Directory } from './directory.ts';
import type { Integration } from './directory-state.ts';
import { Problem } from './problem.ts';
import type { Strangers } from './strangers.ts';

/** A longer token is none of ours; it is not worth hashing. */
const MAX_TOKEN_LENGTH = 512;

function unauthorized(hash: string | undefined, what: string): Problem {
  const detail =
    hash === undefined
      ? 'The request needs the header authorization: Bearer <token>.'
      : `The token is not ${what}.`;
  return new Problem(401, 'unauthorized', detail, { 'www-authenticate': 'Bearer' });
}

/** The SHA-256 of the request's Bearer token; undefined: it has none. */
function tokenHashOf({ headers: { authorization = '' } }: FastifyRequest): string | undefined {
  const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
  return token === undefined || token.length > MAX_TOKEN_LENGTH ? undefined : hashToken(token);
}

function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** The integration whose token the request bears. Throws, or rejects with, Problem 401, and 429 for too many of them. */
export function findIntegration(
  directory: Directory,
  request: FastifyRequest,
  strangers: Strangers,
): Integration | Promise<Integration> {
  const hash = tokenHashOf(request);
  const find = () => {
    const known = hash === undefined ? undefined : directory.state.byTokenHash.get(hash);
    return known !== undefined && sameHash(known.tokenHash, hash ?? '') ? known : undefined;
  };
  return find() ?? findAnew();

  async function findAnew(): Promise<Integration> {
    await strangers(request);
    // It may have been made a moment ago by another process.
    if (hash !== undefined) await directory.refresh();
    const fresh = find();
    if (fresh === undefined) throw unauthorized(hash, 'one of an integration');
    return fresh;
  }
}

/** Rejects with Problem 401 unless the request bears the admin token, and with 429 for too many of them. */
export async function ensureAdmin(
  request: FastifyRequest,
  adminTokenHash: string,
  strangers: Strangers,
): Promise<void> {
  const hash = tokenHashOf(request);
  if (hash !== undefined && sameHash(hash, adminTokenHash)) return;
  await strangers(request);
  throw unauthorized(hash, 'the admin token');
}

/** Throws Problem 403 unless the integration takes posts, and takes them from the request's Origin. */
export function ensureAllowed(
  { status, origins }: Integration,
  { headers: { origin } }: FastifyRequest,
  production: boolean,
): void {
  if (status === 'disabled') throw new Problem(403, 'disabled', 'The integration is disabled.');
  if (!production || origins.length === 0) return;
  if (origin === undefined || !origins.includes(origin.toLowerCase())) {
    throw new Problem(403, 'wrong-origin', 'The Origin of the request is not one of the integration.');
  }
}
