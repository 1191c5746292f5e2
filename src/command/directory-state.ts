// What the command side knows of organizations and what belongs to them, and what events change in it. The state is
// changed in place, and by nothing but evolve().

import type {
  EndpointSettings,
  EventType,
  IntegrationSettings,
  LaneImported,
  OrganizationEvent,
  Scope,
} from '../events.ts';
import type { EndpointId, IntegrationId, OrganizationId, ProjectId, TokenId } from '../ids.ts';
import { NotFound } from '../query/errors.ts';
import { reseal, rotate, type SigningSecrets } from '../sealed.ts';
import { endpointSettings, integrationSettings } from '../settings.ts';

export interface Organization {
  id: OrganizationId;
  name: string;
  createdAtMs: number;
  /** publicSecret, sealed. */
  secret: string;
}

export interface Project {
  id: ProjectId;
  organizationId: OrganizationId;
  name: string;
  createdAtMs: number;
}

export interface Integration extends IntegrationSettings {
  id: IntegrationId;
  organizationId: OrganizationId;
  projectId: ProjectId;
  createdAtMs: number;
  tokenHash: string;
}

export interface Endpoint extends EndpointSettings, SigningSecrets {
  id: EndpointId;
  organizationId: OrganizationId;
  createdAtMs: number;
}

/** A token for administration. */
export interface Token {
  id: TokenId;
  /** Null: it is bound to none. */
  organizationId: OrganizationId | null;
  name: string;
  scopes: readonly Scope[];
  expiresAtMs: number | null;
  isRevoked: boolean;
}

export interface DirectoryState {
  organizations: Map<OrganizationId, Organization>;
  projects: Map<ProjectId, Project>;
  integrations: Map<IntegrationId, Integration>;
  endpoints: Map<EndpointId, Endpoint>;
  /** Integrations by the hash of their token. */
  byTokenHash: Map<string, Integration>;
  /** Those that are not revoked. */
  tokens: Map<TokenId, Token>;
  /** All there ever were, by their hash: who bears one that was revoked is told so. */
  tokensByHash: Map<string, Token>;
  /** What has come of organizations that are being imported: it counts when all of it is there. */
  importing: Map<OrganizationId, OrganizationEvent[]>;
}

/** The events that change the directory. */
export const DIRECTORY_EVENTS: readonly EventType[] = [
  'OrganizationCreated',
  'OrganizationChanged',
  'OrganizationSecretRotated',
  'SecretsResealed',
  'OrganizationDeleted',
  'ProjectCreated',
  'ProjectChanged',
  'ProjectDeleted',
  'IntegrationCreated',
  'IntegrationChanged',
  'IntegrationSecretRotated',
  'IntegrationDeleted',
  'EndpointCreated',
  'EndpointChanged',
  'EndpointSecretRotated',
  'EndpointDisabled',
  'EndpointDeleted',
  'OrganizationImportStarted',
  'LaneImported',
  'OrganizationImportEnded',
  'TokenCreated',
  'TokenRevoked',
];

export function emptyDirectory(): DirectoryState {
  return {
    organizations: new Map(),
    projects: new Map(),
    integrations: new Map(),
    endpoints: new Map(),
    byTokenHash: new Map(),
    tokens: new Map(),
    tokensByHash: new Map(),
    importing: new Map(),
  };
}

/**
 * Changes `state` by what has happened. What goes takes along what belongs to it; what was made, by another process
 * and a moment too late, in what had gone already, comes to nothing.
 */
export function evolve(state: DirectoryState, event: OrganizationEvent): void {
  const held = event.organizationId === null ? undefined : state.importing.get(event.organizationId);
  if (held !== undefined && event.type !== 'OrganizationImportEnded') {
    held.push(event);
    return;
  }
  switch (event.type) {
    case 'OrganizationImportStarted':
      // What lives here already is not imported: the import that was cut off has been brought to its end.
      if (!state.organizations.has(event.organizationId)) state.importing.set(event.organizationId, []);
      return;
    case 'OrganizationImportEnded':
      state.importing.delete(event.organizationId);
      for (const one of held ?? []) evolve(state, one);
      return;
    case 'OrganizationCreated': {
      const { organizationId: id, name, atMs: createdAtMs, secret } = event;
      state.organizations.set(id, { id, name, createdAtMs, secret });
      return;
    }
    case 'OrganizationChanged':
      change(state.organizations, event.organizationId, { name: event.name });
      return;
    case 'OrganizationSecretRotated':
      change(state.organizations, event.organizationId, { secret: event.secret });
      return;
    case 'SecretsResealed': {
      const organization = state.organizations.get(event.organizationId);
      if (organization === undefined) return;
      reseal(organization, ofOrganization(state.endpoints, event.organizationId), event);
      return;
    }
    case 'LaneImported':
      takeSecretsOf(state, event);
      return;
    case 'OrganizationDeleted': {
      const { organizationId } = event;
      state.organizations.delete(organizationId);
      for (const { id } of ofOrganization(state.projects, organizationId)) state.projects.delete(id);
      for (const { id } of ofOrganization(state.endpoints, organizationId)) state.endpoints.delete(id);
      for (const { id } of ofOrganization(state.integrations, organizationId)) removeIntegration(state, id);
      for (const { id } of ofOrganization(state.tokens, organizationId)) revoke(state, id);
      return;
    }
    case 'ProjectCreated': {
      const { projectId: id, organizationId, name, atMs: createdAtMs } = event;
      if (!state.organizations.has(organizationId)) return;
      state.projects.set(id, { id, organizationId, name, createdAtMs });
      return;
    }
    case 'ProjectChanged':
      change(state.projects, event.projectId, { name: event.name });
      return;
    case 'ProjectDeleted':
      state.projects.delete(event.projectId);
      for (const { id, projectId } of [...state.integrations.values()]) {
        if (projectId === event.projectId) removeIntegration(state, id);
      }
      return;
    case 'IntegrationCreated': {
      const { integrationId: id, organizationId, projectId, atMs: createdAtMs, tokenHash } = event;
      if (!state.projects.has(projectId)) return;
      const ids = { id, organizationId, projectId };
      const integration = { ...ids, createdAtMs, tokenHash, ...integrationSettings(event) };
      state.integrations.set(id, integration);
      state.byTokenHash.set(tokenHash, integration);
      return;
    }
    case 'IntegrationChanged':
      change(state.integrations, event.integrationId, integrationSettings(event));
      return;
    case 'IntegrationSecretRotated': {
      const integration = state.integrations.get(event.integrationId);
      if (integration === undefined) return;
      state.byTokenHash.delete(integration.tokenHash);
      integration.tokenHash = event.tokenHash;
      state.byTokenHash.set(event.tokenHash, integration);
      return;
    }
    case 'IntegrationDeleted':
      removeIntegration(state, event.integrationId);
      return;
    case 'EndpointCreated': {
      const { endpointId: id, organizationId, atMs: createdAtMs, secret } = event;
      if (!state.organizations.has(organizationId)) return;
      const ids = { id, organizationId };
      const secrets = { secret, previousSecrets: [] };
      state.endpoints.set(id, { ...ids, createdAtMs, ...secrets, ...endpointSettings(event) });
      return;
    }
    case 'EndpointChanged':
      change(state.endpoints, event.endpointId, endpointSettings(event));
      return;
    case 'EndpointSecretRotated': {
      const endpoint = state.endpoints.get(event.endpointId);
      if (endpoint !== undefined) rotate(endpoint, event);
      return;
    }
    case 'EndpointDisabled':
      change(state.endpoints, event.endpointId, { status: 'disabled', disabledReason: event.reason });
      return;
    case 'EndpointDeleted':
      state.endpoints.delete(event.endpointId);
      return;
    case 'TokenCreated': {
      const { tokenId: id, organizationId, name, scopes, expiresAtMs, tokenHash } = event;
      if (organizationId !== null && !state.organizations.has(organizationId)) return;
      const token = { id, organizationId, name, scopes, expiresAtMs, isRevoked: false };
      state.tokens.set(id, token);
      state.tokensByHash.set(tokenHash, token);
      return;
    }
    case 'TokenRevoked':
      revoke(state, event.tokenId);
      return;
    default:
      return;
  }
}

function revoke({ tokens }: DirectoryState, id: TokenId): void {
  const token = tokens.get(id);
  if (token !== undefined) token.isRevoked = true;
  tokens.delete(id);
}

/** The organization with this id or name. Throws NotFound. */
export function organizationCalled(organizations: Iterable<Organization>, idOrName: string): Organization {
  for (const organization of organizations)
    if (organization.id === idOrName || organization.name === idOrName) return organization;
  throw new NotFound('organization', idOrName);
}

/** An organization that was imported has the secrets of the lane that came with it: those of its history may be older. */
function takeSecretsOf(state: DirectoryState, { organizationId, secret, endpoints }: LaneImported): void {
  if (secret !== null) change(state.organizations, organizationId, { secret });
  for (const { endpointId, ...of } of endpoints)
    change(state.endpoints, endpointId, { secret: of.secret, previousSecrets: of.previousSecrets });
}

function change<Id, Thing extends object>(things: Map<Id, Thing>, id: Id, settings: Partial<Thing>): void {
  const thing = things.get(id);
  if (thing !== undefined) Object.assign(thing, settings);
}

function ofOrganization<Thing extends { organizationId: OrganizationId | null }>(
  things: Map<unknown, Thing>,
  organizationId: OrganizationId,
): Thing[] {
  return [...things.values()].filter((thing) => thing.organizationId === organizationId);
}

function removeIntegration(state: DirectoryState, id: IntegrationId): void {
  const integration = state.integrations.get(id);
  if (integration === undefined) return;
  state.byTokenHash.delete(integration.tokenHash);
  state.integrations.delete(id);
}
