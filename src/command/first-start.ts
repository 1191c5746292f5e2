// The first start: an organization, a project and an integration, all named `default`, so that there is something to
// post to at once. All of them or, if the process dies on the way, none: then the next start is the first one again.

import type { Administrator } from './admin/administrator.ts';
import type { AdminContext, Decision } from './admin/decision.ts';
import { createIntegration } from './admin/integration.ts';
import { createOrganization } from './admin/organization.ts';
import { createProject } from './admin/project.ts';
import type { Directory } from './directory.ts';
import { emptyDirectory, evolve } from './directory-state.ts';

export interface Defaults {
  organizationId: string;
  /** The Bearer token of the integration. */
  token: string;
}

/** Makes them if there is no organization at all, nor one on its way in; else changes nothing. */
export async function createDefaults(
  directory: Directory,
  administrator: Administrator,
): Promise<Defaults | undefined> {
  const { organizations, importing } = directory.state;
  return organizations.size + importing.size > 0 ? undefined : administrator.run(decideDefaults);
}

function decideDefaults(context: AdminContext) {
  const input = { name: 'default' };
  const state = emptyDirectory();
  // Each decision knows what the ones before it have made.
  const inState = { ...context, state };
  const organization = createOrganization(inState, input);
  evolve(state, organization.event);
  const project = createProject(inState, organization.answer.id, input);
  evolve(state, project.event);
  const integration = createIntegration(inState, project.answer.id, input);
  return {
    event: organization.event,
    also: [project.event, integration.event],
    answer: { organizationId: organization.answer.id, token: integration.answer.publicSecret },
  } satisfies Decision<Defaults>;
}
