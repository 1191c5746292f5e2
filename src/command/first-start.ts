// The first start: an organization, a project and an integration, all named `default`, so that there is something to
// post to at once.

import type { Administrator } from './admin/administrator.ts';
import { createIntegration } from './admin/integration.ts';
import { createOrganization } from './admin/organization.ts';
import { createProject } from './admin/project.ts';
import type { Directory } from './directory.ts';

export interface Defaults {
  organizationId: string;
  /** The Bearer token of the integration. */
  token: string;
}

/** Makes them if there is no organization at all; else changes nothing. */
export async function createDefaults(
  directory: Directory,
  administrator: Administrator,
): Promise<Defaults | undefined> {
  if (directory.state.organizations.size > 0) return undefined;
  const input = { name: 'default' };
  const organization = await administrator.run((context) => createOrganization(context, input));
  const project = await administrator.run((context) => createProject(context, organization.id, input));
  const integration = await administrator.run((context) => createIntegration(context, project.id, input));
  return { organizationId: organization.id, token: integration.publicSecret };
}
