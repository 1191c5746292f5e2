// Who is asking: Bearer tokens, compared by their SHA-256 in constant time, or looked up by it: whoever has no token cannot
// choose its hash.

import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { hashToken } from '../secrets.ts';
import type { Clock } from '../time.ts';
import { type Access, fullAccess } from './access.ts';
import type { Directory } from './directory.ts';
import type { Integration, Token } from './directory-state.ts';
import { Problem } from './problem.ts';
import type { Strangers } from './strangers.ts';

/** A longer token is none of ours; it is not worth hashing. */
const MAX_TOKEN_LENGTH = 512;

const NO_TOKEN = 'The request needs the header authorization: Bearer <token>.';

/** The problem that lets nobody in. */
export function unauthorized(detail: string): Problem {
  return new Problem(401, 'unauthorized', detail, { 'www-authenticate': 'Bearer' });
}

/** The problem that a request has without a token, or with one that is none of ours: `why`. */
function unknownToken(hash: string | undefined, why: string): Problem {
  return unauthorized(hash === undefined ? NO_TOKEN : why);
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
  const find = () => (hash === undefined ? undefined : directory.state.byTokenHash.get(hash));
  return find() ?? findAnew();

  async function findAnew(): Promise<Integration> {
    await strangers(request);
    // It may have been made a moment ago by another process.
    if (hash !== undefined) await directory.refresh();
    const fresh = find();
    if (fresh === undefined) throw unknownToken(hash, 'The token is not one of an integration.');
    return fresh;
  }
}

export interface AdminAuthentication {
  /** SHA-256 of the admin token, hexadecimal. */
  adminTokenHash: string;
  directory: Directory;
  strangers: Strangers;
  clock: Clock;
}

/** That somebody was let in. */
export interface Admission {
  access: Access;
  /** Why what he bears would let him in no longer, for people; undefined: it still would. */
  ended: () => string | undefined;
}

const ROOT: Admission = { access: fullAccess('root'), ended: () => undefined };

/** Who bears the admin token, or one that was made. Rejects with Problem 401, and 429 for too many of them. */
export async function findAccess(
  request: FastifyRequest,
  { adminTokenHash, directory, strangers, clock }: AdminAuthentication,
): Promise<Admission> {
  const hash = tokenHashOf(request);
  if (hash !== undefined && sameHash(hash, adminTokenHash)) return ROOT;
  const find = () => (hash === undefined ? undefined : directory.state.tokensByHash.get(hash));
  let token = find();
  if (token === undefined) {
    await strangers(request);
    // It may have been made a moment ago by another process.
    if (hash !== undefined) await directory.refresh();
    token = find();
  }
  if (token === undefined) throw unknownToken(hash, 'The token is not one for administration.');
  const { id: by, scopes, organizationId, expiresAtMs } = token;
  const ended = () => endOf(token, clock());
  const why = ended();
  if (why === undefined) return { access: { by, scopes, organizationId, expiresAtMs }, ended };
  await strangers(request);
  throw unauthorized(why);
}

/** Why a token lets nobody in; undefined: it does. The directory changes it in place when it is revoked. */
function endOf({ id, isRevoked, expiresAtMs }: Token, nowMs: number): string | undefined {
  if (isRevoked) return `The token ${id} was revoked.`;
  return (expiresAtMs ?? Number.POSITIVE_INFINITY) <= nowMs ? `The token ${id} has expired.` : undefined;
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
