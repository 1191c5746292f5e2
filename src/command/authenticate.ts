// Who is asking: Bearer tokens, compared by their SHA-256 in constant time.

import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { hashToken } from '../secrets.ts';
import type { Directory } from './directory.ts';
import type { Integration } from './directory-state.ts';
import { Problem } from './problem.ts';

/** A longer token is none of ours; it is not worth hashing. */
const MAX_TOKEN_LENGTH = 512;

function unauthorized(detail: string): Problem {
  return new Problem(401, 'unauthorized', detail, { 'www-authenticate': 'Bearer' });
}

/** The SHA-256 of the request's Bearer token. Throws Problem 401 if it has none. */
function tokenHashOf({ headers: { authorization = '' } }: FastifyRequest): string {
  const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    throw unauthorized('The request needs the header authorization: Bearer <token>.');
  }
  return hashToken(token);
}

function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** The integration whose token the request bears. Throws Problem 401. */
export function findIntegration(
  directory: Directory,
  request: FastifyRequest,
): Integration | Promise<Integration> {
  const hash = tokenHashOf(request);
  const known = directory.state.byTokenHash.get(hash);
  if (known !== undefined && sameHash(known.tokenHash, hash)) return known;
  // It may have been made a moment ago by another process.
  return directory.refresh().then(() => {
    const fresh = directory.state.byTokenHash.get(hash);
    if (fresh !== undefined && sameHash(fresh.tokenHash, hash)) return fresh;
    throw unauthorized('The token is not one of an integration.');
  });
}

/** Throws Problem 401 unless the request bears the admin token. */
export function ensureAdmin(request: FastifyRequest, adminTokenHash: string): void {
  if (!sameHash(tokenHashOf(request), adminTokenHash))
    throw unauthorized('The token is not the admin token.');
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
