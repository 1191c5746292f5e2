// Integrations of a project: made, changed, given a new token, deleted.

import type { IntegrationSettings } from '../../events.ts';
import { newId } from '../../ids.ts';
import { hashToken, newToken } from '../../secrets.ts';
import { integrationSettings } from '../../settings.ts';
import { toIso } from '../../time.ts';
import type { Integration, Project } from '../directory-state.ts';
import { ensureNoInput, inputParser } from '../input.ts';
import { type AdminContext, type Decision, ensureFree, existing } from './decision.ts';

interface IntegrationInput {
  name: string;
  origins?: string[];
  rateLimits?: { burst?: string | null; sustained?: string | null };
  status?: IntegrationSettings['status'];
}

const rateLimit = { type: ['string', 'null'], format: 'rate-limit' };
const properties = {
  name: { type: 'string', format: 'name' },
  origins: { type: 'array', maxItems: 50, items: { type: 'string', format: 'origin' } },
  rateLimits: {
    type: 'object',
    additionalProperties: false,
    properties: { burst: rateLimit, sustained: rateLimit },
  },
  status: { type: 'string', enum: ['active', 'disabled'] },
};
const object = { type: 'object', additionalProperties: false, properties };
const parseNew = inputParser<IntegrationInput>({ ...object, required: ['name'] });
const parseChange = inputParser<Partial<IntegrationInput>>(object);

function integrationAnswer(integration: Integration) {
  const { id, organizationId, projectId, name, createdAtMs, origins, burst, sustained, status } = integration;
  const rateLimits = { burst, sustained };
  return { id, organizationId, projectId, name, createdAt: toIso(createdAtMs), origins, rateLimits, status };
}

/** Settings as they are after `input`, which leaves out what is to stay. */
function withInput(settings: IntegrationSettings, input: Partial<IntegrationInput>): IntegrationSettings {
  const { rateLimits, ...rest } = input;
  const origins = (input.origins ?? settings.origins).map((origin) => origin.toLowerCase());
  return { ...settings, ...rest, ...rateLimits, origins };
}

export function createIntegration(context: AdminContext, project: string, input: unknown) {
  const { id, organizationId } = existing(context.state.projects, 'project', project);
  return newIntegration(context, { id, organizationId }, parseNew(input));
}

/** Of input that was checked. */
export function newIntegration(
  { state, nowMs, settings: defaults }: AdminContext,
  { id: projectId, organizationId }: Pick<Project, 'id' | 'organizationId'>,
  given: IntegrationInput,
) {
  ensureFree(state.integrationsOf.of(projectId), 'an integration', given.name);
  const { burst, sustained } = defaults;
  const settings = withInput({ name: given.name, origins: [], burst, sustained, status: 'active' }, given);
  const integrationId = newId('int', nowMs);
  const publicSecret = newToken('ints');
  const tokenHash = hashToken(publicSecret);
  const ids = { organizationId, projectId, integrationId };
  const answer = integrationAnswer({ id: integrationId, ...ids, createdAtMs: nowMs, tokenHash, ...settings });
  return {
    event: { type: 'IntegrationCreated', ...ids, atMs: nowMs, tokenHash, ...settings },
    answer: { ...answer, publicSecret },
  } satisfies Decision<object>;
}

export function changeIntegration({ state, nowMs }: AdminContext, id: string, input: unknown) {
  const integration = existing(state.integrations, 'integration', id);
  const { id: integrationId, organizationId, projectId } = integration;
  const settings = withInput(integrationSettings(integration), parseChange(input));
  ensureFree(state.integrationsOf.of(projectId), 'an integration', settings.name, integrationId);
  return {
    event: { type: 'IntegrationChanged', organizationId, integrationId, atMs: nowMs, ...settings },
    answer: integrationAnswer({ ...integration, ...settings }),
  } satisfies Decision<object>;
}

export function rotateIntegrationSecret({ state, nowMs }: AdminContext, id: string, input: unknown) {
  ensureNoInput(input);
  const integration = existing(state.integrations, 'integration', id);
  const { id: integrationId, organizationId } = integration;
  const publicSecret = newToken('ints');
  const tokenHash = hashToken(publicSecret);
  return {
    event: { type: 'IntegrationSecretRotated', organizationId, integrationId, atMs: nowMs, tokenHash },
    answer: { ...integrationAnswer(integration), publicSecret },
  } satisfies Decision<object>;
}

export function deleteIntegration({ state, nowMs }: AdminContext, id: string): Decision {
  const { id: integrationId, organizationId } = existing(state.integrations, 'integration', id);
  return {
    event: { type: 'IntegrationDeleted', organizationId, integrationId, atMs: nowMs },
    answer: undefined,
  };
}
