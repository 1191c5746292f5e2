// What administration makes, changes, rotates, tests and revokes, as data: a command of the CLI decides it beside the server,
// or sends it to one as the request that requestOf() gives; the routes decide the same. Pure.

import type { AdminContext, Decision } from './decision.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  rotateEndpointSecret,
  testEndpoint,
} from './endpoint.ts';
import {
  changeIntegration,
  createIntegration,
  deleteIntegration,
  rotateIntegrationSecret,
} from './integration.ts';
import {
  changeOrganization,
  createOrganization,
  deleteOrganization,
  rotateOrganizationSecret,
} from './organization.ts';
import { changeProject, createProject, deleteProject } from './project.ts';
import { publishEvent } from './publish.ts';
import { createToken, revokeToken } from './token.ts';

export type Change = (context: AdminContext, id: string, input: unknown) => Decision<object>;
type Delete = (context: AdminContext, id: string) => Decision;

/** What can be made on its own: POST /<collection>. */
export const MADE = {
  organizations: createOrganization,
  tokens: createToken,
} as const satisfies Record<string, (context: AdminContext, input: unknown) => Decision<object>>;

/** What can be made within another thing: POST /<within>/:id/<collection>. */
export const MADE_WITHIN = {
  projects: { within: 'organizations', create: createProject },
  endpoints: { within: 'organizations', create: createEndpoint },
  integrations: { within: 'projects', create: createIntegration },
} as const satisfies Record<string, { within: string; create: Change }>;

/** What can be done to one thing, by the collection it is in. */
export const CHANGED = {
  organizations: {
    change: changeOrganization,
    rotate: rotateOrganizationSecret,
    remove: deleteOrganization,
  },
  projects: { change: changeProject, rotate: undefined, remove: deleteProject },
  integrations: { change: changeIntegration, rotate: rotateIntegrationSecret, remove: deleteIntegration },
  endpoints: { change: changeEndpoint, rotate: rotateEndpointSecret, remove: deleteEndpoint },
} as const satisfies Record<string, { change: Change; rotate: Change | undefined; remove: Delete }>;

type WithSecret = Exclude<keyof typeof CHANGED, 'projects'>;

/** Things are given by their ids; an organization, over HTTP, by its name as well. */
export type Operation =
  | { type: 'create'; collection: keyof typeof MADE; input: unknown }
  | { type: 'create-within'; collection: keyof typeof MADE_WITHIN; within: string; input: unknown }
  | { type: 'publish'; organization: string; input: unknown; idempotencyKey?: string | undefined }
  | { type: 'change'; collection: keyof typeof CHANGED; id: string; input: unknown }
  | { type: 'rotate-secret'; collection: WithSecret; id: string; input: unknown }
  | { type: 'test'; id: string }
  | { type: 'revoke'; id: string };

/** What an operation comes to; by perform.ts what is published under an Idempotency-Key comes to it once. */
export function decide(context: AdminContext, operation: Operation): Decision<object> {
  switch (operation.type) {
    case 'create':
      return MADE[operation.collection](context, operation.input);
    case 'create-within':
      return MADE_WITHIN[operation.collection].create(context, operation.within, operation.input);
    case 'publish':
      return publishEvent(context, operation.organization, operation.input);
    case 'change':
      return CHANGED[operation.collection].change(context, operation.id, operation.input);
    case 'rotate-secret':
      return CHANGED[operation.collection].rotate(context, operation.id, operation.input);
    case 'test':
      return testEndpoint(context, operation.id);
    case 'revoke':
      return revokeToken(context, operation.id);
    default:
      return operation satisfies never;
  }
}

/** A request of the API, below its prefix. */
export interface ApiRequest {
  method: 'POST' | 'PATCH' | 'DELETE';
  path: string;
  input?: unknown;
  headers?: Record<string, string>;
}

/** The request that asks a server for an operation. */
export function requestOf(operation: Operation): ApiRequest {
  switch (operation.type) {
    case 'create':
      return { method: 'POST', path: `/${operation.collection}`, input: operation.input };
    case 'create-within': {
      const { within } = MADE_WITHIN[operation.collection];
      const path = `/${within}/${encodeURIComponent(operation.within)}/${operation.collection}`;
      return { method: 'POST', path, input: operation.input };
    }
    case 'publish': {
      const { organization, input, idempotencyKey: key } = operation;
      const headers = key === undefined ? {} : { 'idempotency-key': key };
      return {
        method: 'POST',
        path: `${pathOf({ collection: 'organizations', id: organization })}/events`,
        input,
        headers,
      };
    }
    case 'change':
      return { method: 'PATCH', path: pathOf(operation), input: operation.input };
    case 'rotate-secret':
      return { method: 'POST', path: `${pathOf(operation)}/rotate-secret`, input: operation.input };
    case 'test':
      return { method: 'POST', path: `/endpoints/${encodeURIComponent(operation.id)}/test` };
    case 'revoke':
      return { method: 'DELETE', path: `/tokens/${encodeURIComponent(operation.id)}` };
    default:
      return operation satisfies never;
  }
}

function pathOf({ collection, id }: { collection: string; id: string }): string {
  return `/${collection}/${encodeURIComponent(id)}`;
}
