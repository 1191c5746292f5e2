// Tokens for administration: made and revoked. Nobody makes one that may more than he may, or for longer.

import { SCOPES, type Scope } from '../../events.ts';
import { newId } from '../../ids.ts';
import { hashToken, newToken } from '../../secrets.ts';
import { parseDuration, toIso } from '../../time.ts';
import { type Access, NotAllowed, organizationCalled } from '../access.ts';
import { inputParser } from '../input.ts';
import { type AdminContext, type Decision, ensureFree, existing } from './decision.ts';

interface TokenInput {
  name: string;
  scopes?: Scope[];
  organization?: string;
  expires?: string;
}

const parse = inputParser<TokenInput>({
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string', format: 'name' },
    scopes: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', enum: SCOPES } },
    organization: { type: 'string', minLength: 1, maxLength: 200 },
    expires: { type: 'string', format: 'lifetime' },
  },
});

/** Of a token that is made without any: it changes nothing. */
export const DEFAULT_SCOPES: readonly Scope[] = ['read'];

/** An organization is given by its id or name. Throws NotAllowed for one that would be good for more than `access`. */
export function createToken({ state, access, nowMs }: AdminContext, input: unknown) {
  const { name, scopes: wanted = DEFAULT_SCOPES, organization, expires } = parse(input);
  const scopes = SCOPES.filter((scope) => wanted.includes(scope));
  const organizationId = organization === undefined ? null : organizationCalled(state, organization).id;
  const expiresAtMs = expires === undefined ? null : nowMs + (parseDuration(expires) ?? 0);
  ensureNoMore(access, { scopes, expiresAtMs });
  ensureFree(state.tokensCalled.of(name), 'a token', name);
  const tokenId = newId('tok', nowMs);
  const token = newToken('adm');
  const settings = { name, scopes, expiresAtMs };
  const expiresAt = expiresAtMs === null ? null : toIso(expiresAtMs);
  const made = { createdAt: toIso(nowMs), createdBy: access.by };
  return {
    event: {
      ...{ type: 'TokenCreated', tokenId, organizationId, atMs: nowMs },
      ...{ ...settings, tokenHash: hashToken(token) },
    },
    answer: { id: tokenId, organizationId, name, scopes, ...made, expiresAt, token },
  } satisfies Decision<object>;
}

function ensureNoMore(
  access: Access,
  { scopes, expiresAtMs }: { scopes: readonly Scope[]; expiresAtMs: number | null },
): void {
  if (access.organizationId !== null)
    throw new NotAllowed('A token that is bound to an organization makes none.');
  const beyond = scopes.filter((scope) => !access.scopes.includes(scope));
  if (beyond.length > 0)
    throw new NotAllowed(
      `A token cannot make one with a scope that it does not have itself: ${beyond.join(', ')}.`,
    );
  if (access.expiresAtMs === null || (expiresAtMs !== null && expiresAtMs <= access.expiresAtMs)) return;
  throw new NotAllowed(
    `A token that expires makes none that lasts longer: give one that is over by ${toIso(access.expiresAtMs)}.`,
  );
}

export function revokeToken({ state, nowMs }: AdminContext, id: string) {
  const { id: tokenId, organizationId, name } = existing(state.tokens, 'token', id);
  return {
    event: { type: 'TokenRevoked', tokenId, organizationId, atMs: nowMs },
    answer: { id: tokenId, name },
  } satisfies Decision<object>;
}
