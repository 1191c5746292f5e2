// Organizations: made, renamed, given a new secret, deleted.

import { newId } from '../../ids.ts';
import { newToken } from '../../secrets.ts';
import { toIso } from '../../time.ts';
import type { Organization } from '../directory-state.ts';
import { ensureNoInput, inputParser } from '../input.ts';
import { type AdminContext, type Decision, ensureFree, existing } from './decision.ts';

const parse = inputParser<{ name: string }>({
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: { name: { type: 'string', format: 'name' } },
});

/** As it is answered; when the last webhook was sent, the read models know. */
function organizationAnswer({ id, name, createdAtMs }: Omit<Organization, 'secret'>) {
  return { id, name, createdAt: toIso(createdAtMs) };
}

export function createOrganization(context: AdminContext, input: unknown) {
  return newOrganization(context, parse(input));
}

/** Of input that was checked. */
export function newOrganization({ state, secrets, nowMs }: AdminContext, { name }: { name: string }) {
  ensureFree(state.organizationsCalled.of(name), 'an organization', name);
  const organizationId = newId('org', nowMs);
  const publicSecret = newToken('orgs');
  const secret = secrets.seal(publicSecret);
  const answer = organizationAnswer({ id: organizationId, name, createdAtMs: nowMs });
  return {
    event: { type: 'OrganizationCreated', organizationId, atMs: nowMs, name, secret },
    answer: { ...answer, sentLastWebhookAt: null, publicSecret },
  } satisfies Decision<object>;
}

export function changeOrganization({ state, nowMs }: AdminContext, id: string, input: unknown) {
  const organization = existing(state.organizations, 'organization', id);
  const { name } = parse(input);
  ensureFree(state.organizationsCalled.of(name), 'an organization', name, id);
  return {
    event: { type: 'OrganizationChanged', organizationId: organization.id, atMs: nowMs, name },
    answer: organizationAnswer({ ...organization, name }),
  } satisfies Decision<object>;
}

export function rotateOrganizationSecret(
  { state, secrets, nowMs }: AdminContext,
  id: string,
  input: unknown,
) {
  ensureNoInput(input);
  const organization = existing(state.organizations, 'organization', id);
  const publicSecret = newToken('orgs');
  const secret = secrets.seal(publicSecret);
  return {
    event: { type: 'OrganizationSecretRotated', organizationId: organization.id, atMs: nowMs, secret },
    answer: { ...organizationAnswer(organization), publicSecret },
  } satisfies Decision<object>;
}

export function deleteOrganization({ state, nowMs }: AdminContext, id: string): Decision {
  const { id: organizationId } = existing(state.organizations, 'organization', id);
  return { event: { type: 'OrganizationDeleted', organizationId, atMs: nowMs }, answer: undefined };
}
