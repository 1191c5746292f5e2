// Secrets are sealed under the master key that is the first now, a bounded number at a time. They stay the same secrets: who
// signs with them, and who verifies, notices nothing.

import type { SecretsResealed } from '../../events.ts';
import type { OrganizationId } from '../../ids.ts';
import { signingSecretsOf } from '../../sealed.ts';
import { sealedUnder } from '../../secrets.ts';
import type { Known } from '../access.ts';
import type { AdminContext, Decision } from './decision.ts';

/** Secrets in one step, and so in one event: some 250 bytes each. */
export const MAX_RESEALED = 1_000;

/** What came of a step. */
export interface ResealStep {
  resealed: number;
  /** How many are left to be sealed anew. */
  remaining: number;
}

/** Every secret that is in use at `nowMs`, sealed, with whose it is. */
export function* sealedIn(
  { organizations, endpoints }: Pick<Known, 'organizations' | 'endpoints'>,
  nowMs: number,
): Generator<{ organizationId: OrganizationId; sealed: string }> {
  for (const { id: organizationId, secret } of organizations.values())
    yield { organizationId, sealed: secret };
  for (const endpoint of endpoints.values()) {
    for (const sealed of signingSecretsOf(endpoint, nowMs))
      yield { organizationId: endpoint.organizationId, sealed };
  }
}

/** Throws SecretUnreadable, and changes nothing, where a secret was sealed under a key that is not there. */
export function resealSecrets({ state, secrets, nowMs }: AdminContext): Decision<ResealStep> {
  const { keyId } = secrets;
  const anew = new Map<OrganizationId, Record<string, string>>();
  let resealed = 0;
  let remaining = 0;
  for (const { organizationId, sealed } of sealedIn(state, nowMs)) {
    if (sealedUnder(sealed) === keyId) continue;
    if (resealed === MAX_RESEALED) {
      remaining++;
      continue;
    }
    const of = anew.get(organizationId) ?? {};
    of[sealed] = secrets.seal(secrets.open(sealed));
    anew.set(organizationId, of);
    resealed++;
  }
  const events = [...anew].map(
    ([organizationId, of]): SecretsResealed => ({
      type: 'SecretsResealed',
      organizationId,
      atMs: nowMs,
      secrets: of,
    }),
  );
  return { event: undefined, also: events, answer: { resealed, remaining } };
}
