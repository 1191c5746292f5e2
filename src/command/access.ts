// Who asks, and what he may: the scopes he has, and the organization that he is bound to, if he is. Pure.

import { SCOPES, type Scope } from '../events.ts';
import type { EndpointId, IntegrationId, OrganizationId, ProjectId, TokenId } from '../ids.ts';
import { ambiguous, NotFound } from '../query/errors.ts';
import type {
  DirectoryState,
  Endpoint,
  Integration,
  Organization,
  Project,
  Token,
} from './directory-state.ts';
import type { Groups } from './grouped.ts';

export interface Access {
  /** As events name him (see events.ts). */
  by: string;
  scopes: readonly Scope[];
  /** The only organization that he sees and changes; null: all. */
  organizationId: OrganizationId | null;
  /** When it ends, in milliseconds since 1970; null: never. */
  expiresAtMs: number | null;
}

/** What a request takes. */
export interface Need {
  scope: Scope;
  /** Whether it is of the installation as a whole, and so not for who is bound to an organization. */
  unbound: boolean;
}

/** Who may do everything. */
export function fullAccess(by: string): Access {
  return { by, scopes: SCOPES, organizationId: null, expiresAtMs: null };
}

/** It takes more than he has. */
export class NotAllowed extends Error {
  readonly code = 'NOT_ALLOWED';
  constructor(message: string) {
    super(message);
    this.name = 'NotAllowed';
  }
}

/** Throws NotAllowed. */
export function ensureMay({ scopes, organizationId }: Access, { scope, unbound }: Need): void {
  if (!scopes.includes(scope))
    throw new NotAllowed(`This takes a token with the scope ${scope}; this one has ${scopes.join(', ')}.`);
  if (unbound && organizationId !== null)
    throw new NotAllowed(
      `This takes a token that is bound to no organization; this one is to ${organizationId}.`,
    );
}

/** Things by their ids. */
export interface Things<Id, Thing> {
  get(id: Id): Thing | undefined;
  values(): Iterable<Thing>;
}

/** What decisions know of the directory. */
export interface Known {
  readonly organizations: Things<OrganizationId, Organization>;
  readonly projects: Things<ProjectId, Project>;
  readonly integrations: Things<IntegrationId, Integration>;
  readonly endpoints: Things<EndpointId, Endpoint>;
  readonly tokens: Things<TokenId, Token>;
  readonly organizationsCalled: Groups<string, Organization>;
  readonly projectsOf: Groups<OrganizationId, Project>;
  readonly integrationsOf: Groups<ProjectId, Integration>;
  readonly endpointsOf: Groups<OrganizationId, Endpoint>;
  readonly tokensCalled: Groups<string, Token>;
}

/** What of the directory there is for who is bound to an organization: for null all of it. */
export function knownTo(organizationId: OrganizationId | null, state: Readonly<DirectoryState>): Known {
  if (organizationId === null) return state;
  const isIt = ({ id }: Organization) => id === organizationId;
  const isOwn = (thing: { organizationId: OrganizationId | null }) => thing.organizationId === organizationId;
  return {
    organizations: only(state.organizations, isIt),
    projects: only(state.projects, isOwn),
    integrations: only(state.integrations, isOwn),
    endpoints: only(state.endpoints, isOwn),
    tokens: only(state.tokens, isOwn),
    organizationsCalled: onlyOf(state.organizationsCalled, isIt),
    projectsOf: onlyOf(state.projectsOf, isOwn),
    integrationsOf: onlyOf(state.integrationsOf, isOwn),
    endpointsOf: onlyOf(state.endpointsOf, isOwn),
    tokensCalled: onlyOf(state.tokensCalled, isOwn),
  };
}

function only<Id, Thing>(
  things: ReadonlyMap<Id, Thing>,
  isSeen: (thing: Thing) => boolean,
): Things<Id, Thing> {
  return {
    get(id) {
      const thing = things.get(id);
      return thing !== undefined && isSeen(thing) ? thing : undefined;
    },
    values: () => seen(things.values(), isSeen),
  };
}

function onlyOf<Key, Thing>(
  groups: Groups<Key, Thing>,
  isSeen: (thing: Thing) => boolean,
): Groups<Key, Thing> {
  return { of: (key) => seen(groups.of(key), isSeen) };
}

function* seen<Thing>(things: Iterable<Thing>, isSeen: (thing: Thing) => boolean): Generator<Thing> {
  for (const thing of things) if (isSeen(thing)) yield thing;
}

/** The organization with this id or name. Throws NotFound, or InvalidQuery if several have the name. */
export function organizationCalled(
  { organizations, organizationsCalled }: Pick<Known, 'organizations' | 'organizationsCalled'>,
  idOrName: string,
): Organization {
  const found = organizations.get(idOrName as OrganizationId);
  if (found !== undefined) return found;
  // An import may bring a name a second time.
  const [named, ...others] = organizationsCalled.of(idOrName);
  if (named === undefined) throw new NotFound('organization', idOrName);
  if (others.length > 0)
    throw ambiguous(
      'organization',
      idOrName,
      [named, ...others].map(({ id }) => id),
    );
  return named;
}
