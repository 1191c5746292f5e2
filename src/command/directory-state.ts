// What the command side knows of organizations and what belongs to them, and what events change in it. The state is
// changed in place, and by nothing but evolve(), at a cost that does not grow with how many organizations there are. Of
// hundreds of thousands little is kept twice: ids are those of what a thing belongs to, settings are shared.

import type {
  EndpointCreated,
  EndpointSettings,
  EventType,
  IntegrationCreated,
  IntegrationSettings,
  LaneImported,
  OrganizationEvent,
  Scope,
} from '../events.ts';
import type { EndpointId, IntegrationId, OrganizationId, ProjectId, TokenId } from '../ids.ts';
import { NO_SECRETS, reseal, rotate, type SigningSecrets } from '../sealed.ts';
import { keptEndpointSettings, keptIntegrationSettings } from '../settings.ts';
import { Grouped } from './grouped.ts';

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
  /** By name; more than one where two processes have made them at once. */
  organizationsCalled: Grouped<string, Organization>;
  projectsOf: Grouped<OrganizationId, Project>;
  integrationsOf: Grouped<ProjectId, Integration>;
  endpointsOf: Grouped<OrganizationId, Endpoint>;
  /** Integrations by the hash of their token. */
  byTokenHash: Map<string, Integration>;
  /** Those that are not revoked. */
  tokens: Map<TokenId, Token>;
  tokensCalled: Grouped<string, Token>;
  /** Those that are bound. */
  tokensOf: Grouped<OrganizationId, Token>;
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
    organizationsCalled: new Grouped(),
    projectsOf: new Grouped(),
    integrationsOf: new Grouped(),
    endpointsOf: new Grouped(),
    byTokenHash: new Map(),
    tokens: new Map(),
    tokensCalled: new Grouped(),
    tokensOf: new Grouped(),
    tokensByHash: new Map(),
    importing: new Map(),
  };
}

/**
 * Changes `state` by what has happened. What goes takes along what belongs to it; what was made, by another process
 * and a moment too late, in what had gone already, comes to nothing, and so does what is there already.
 */
export function evolve(state: DirectoryState, event: OrganizationEvent): void {
  const held = event.organizationId === null ? undefined : state.importing.get(event.organizationId);
  if (held !== undefined && event.type !== 'OrganizationImportEnded') {
    // A mark of one that was cut off before anything else came with it says nothing more.
    if (event.type !== 'OrganizationImportStarted') held.push(event);
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
      if (state.organizations.has(id)) return;
      const organization = { id, name, createdAtMs, secret };
      state.organizations.set(id, organization);
      state.organizationsCalled.add(name, organization);
      return;
    }
    case 'OrganizationChanged': {
      const organization = state.organizations.get(event.organizationId);
      if (organization === undefined) return;
      state.organizationsCalled.remove(organization.name, organization);
      organization.name = event.name;
      state.organizationsCalled.add(event.name, organization);
      return;
    }
    case 'OrganizationSecretRotated':
      change(state.organizations, event.organizationId, { secret: event.secret });
      return;
    case 'SecretsResealed': {
      const organization = state.organizations.get(event.organizationId);
      if (organization === undefined) return;
      reseal(organization, state.endpointsOf.of(event.organizationId), event);
      return;
    }
    case 'LaneImported':
      takeSecretsOf(state, event);
      return;
    case 'OrganizationDeleted':
      removeOrganization(state, event.organizationId);
      return;
    case 'ProjectCreated': {
      const { projectId: id, name, atMs: createdAtMs } = event;
      const organization = state.organizations.get(event.organizationId);
      if (organization === undefined || state.projects.has(id)) return;
      const project = { id, organizationId: organization.id, name, createdAtMs };
      state.projects.set(id, project);
      state.projectsOf.add(organization.id, project);
      return;
    }
    case 'ProjectChanged':
      change(state.projects, event.projectId, { name: event.name });
      return;
    case 'ProjectDeleted': {
      const project = state.projects.get(event.projectId);
      if (project === undefined) return;
      state.projectsOf.remove(project.organizationId, project);
      removeProject(state, project);
      return;
    }
    case 'IntegrationCreated': {
      const project = state.projects.get(event.projectId);
      if (project === undefined || state.integrations.has(event.integrationId)) return;
      const integration = newIntegration(event, project);
      state.integrations.set(integration.id, integration);
      state.integrationsOf.add(project.id, integration);
      state.byTokenHash.set(integration.tokenHash, integration);
      return;
    }
    case 'IntegrationChanged':
      change(state.integrations, event.integrationId, keptIntegrationSettings(event));
      return;
    case 'IntegrationSecretRotated': {
      const integration = state.integrations.get(event.integrationId);
      if (integration === undefined) return;
      state.byTokenHash.delete(integration.tokenHash);
      integration.tokenHash = event.tokenHash;
      state.byTokenHash.set(event.tokenHash, integration);
      return;
    }
    case 'IntegrationDeleted': {
      const integration = state.integrations.get(event.integrationId);
      if (integration === undefined) return;
      state.integrationsOf.remove(integration.projectId, integration);
      removeIntegration(state, integration);
      return;
    }
    case 'EndpointCreated': {
      const organization = state.organizations.get(event.organizationId);
      if (organization === undefined || state.endpoints.has(event.endpointId)) return;
      const endpoint = newEndpoint(event, organization);
      state.endpoints.set(endpoint.id, endpoint);
      state.endpointsOf.add(organization.id, endpoint);
      return;
    }
    case 'EndpointChanged':
      change(state.endpoints, event.endpointId, keptEndpointSettings(event));
      return;
    case 'EndpointSecretRotated': {
      const endpoint = state.endpoints.get(event.endpointId);
      if (endpoint !== undefined) rotate(endpoint, event);
      return;
    }
    case 'EndpointDisabled':
      change(state.endpoints, event.endpointId, { status: 'disabled', disabledReason: event.reason });
      return;
    case 'EndpointDeleted': {
      const endpoint = state.endpoints.get(event.endpointId);
      if (endpoint === undefined) return;
      state.endpointsOf.remove(endpoint.organizationId, endpoint);
      state.endpoints.delete(endpoint.id);
      return;
    }
    case 'TokenCreated': {
      const { tokenId: id, organizationId, name, scopes, expiresAtMs, tokenHash } = event;
      if (state.tokens.has(id)) return;
      if (organizationId !== null && !state.organizations.has(organizationId)) return;
      const token = { id, organizationId, name, scopes, expiresAtMs, isRevoked: false };
      state.tokens.set(id, token);
      state.tokensCalled.add(name, token);
      if (organizationId !== null) state.tokensOf.add(organizationId, token);
      state.tokensByHash.set(tokenHash, token);
      return;
    }
    case 'TokenRevoked': {
      const token = state.tokens.get(event.tokenId);
      if (token === undefined) return;
      if (token.organizationId !== null) state.tokensOf.remove(token.organizationId, token);
      revoke(state, token);
      return;
    }
    default:
      return;
  }
}

function newIntegration(event: IntegrationCreated, { id: projectId, organizationId }: Project): Integration {
  const { integrationId: id, atMs: createdAtMs, tokenHash } = event;
  return { ...keptIntegrationSettings(event), id, organizationId, projectId, createdAtMs, tokenHash };
}

function newEndpoint(event: EndpointCreated, { id: organizationId }: Organization): Endpoint {
  const { endpointId: id, atMs: createdAtMs, secret } = event;
  const settings = keptEndpointSettings(event);
  return { ...settings, id, organizationId, createdAtMs, secret, previousSecrets: NO_SECRETS };
}

function removeOrganization(state: DirectoryState, id: OrganizationId): void {
  const organization = state.organizations.get(id);
  if (organization === undefined) return;
  state.organizations.delete(id);
  state.organizationsCalled.remove(organization.name, organization);
  for (const project of state.projectsOf.take(id)) removeProject(state, project);
  for (const endpoint of state.endpointsOf.take(id)) state.endpoints.delete(endpoint.id);
  for (const token of state.tokensOf.take(id)) revoke(state, token);
}

function removeProject(state: DirectoryState, { id }: Project): void {
  state.projects.delete(id);
  for (const integration of state.integrationsOf.take(id)) removeIntegration(state, integration);
}

function removeIntegration(state: DirectoryState, { id, tokenHash }: Integration): void {
  state.integrations.delete(id);
  state.byTokenHash.delete(tokenHash);
}

function revoke(state: DirectoryState, token: Token): void {
  token.isRevoked = true;
  state.tokens.delete(token.id);
  state.tokensCalled.remove(token.name, token);
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
