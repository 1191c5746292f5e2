// The first start: an organization, a project and an integration, all named `default`, so that there is something to
// post to at once. All of them or, if the process dies on the way, none: then the next start is the first one again.

import type { Administrator } from './admin/administrator.ts';
import type { AdminContext, Decision } from './admin/decision.ts';
import { newIntegration } from './admin/integration.ts';
import { newOrganization } from './admin/organization.ts';
import { newProject } from './admin/project.ts';
import type { Directory } from './directory.ts';

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
  if (!isEmpty(directory)) return undefined;
  // When it comes to deciding, another process that was started at the same moment may have made them.
  return administrator.run<Defaults | undefined>((context) =>
    isEmpty(directory) ? decideDefaults(context) : { event: undefined, answer: undefined },
  );
}

function isEmpty({ state: { organizations, importing } }: Directory): boolean {
  return organizations.size + importing.size === 0;
}

/** Our own input need not be checked, for which ajv would have to be loaded. */
function decideDefaults(context: AdminContext) {
  const input = { name: 'default' };
  const organization = newOrganization(context, input);
  const { id: organizationId } = organization.answer;
  const project = newProject(context, organizationId, input);
  const integration = newIntegration(context, { id: project.answer.id, organizationId }, input);
  return {
    event: organization.event,
    also: [project.event, integration.event],
    answer: { organizationId, token: integration.answer.publicSecret },
  } satisfies Decision<Defaults>;
}
