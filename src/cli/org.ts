// hooklane org: organizations, which own everything else.

import type { Command } from 'commander';
import { createOrganization, rotateOrganizationSecret } from '../command/admin/organization.ts';
import { addChange, addList, addShow, change } from './resource.ts';

export function registerOrg(program: Command): void {
  const org = program.command('org').description('organizations');
  org
    .command('create')
    .description('make an organization; its publicSecret is shown this once')
    .argument('<name>', 'its name')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane org create acme')
    .action((name: string, options) =>
      change(async () => (context) => createOrganization(context, { name }), options),
    );
  addList(org, 'organizations', ['id', 'name', 'createdAt', 'sentLastWebhookAt'], 'org list');
  addShow(org, 'organizations', 'org show acme');
  addChange(org, {
    command: 'rotate-secret',
    description: 'give an organization a new publicSecret; the old one is no longer sent',
    kind: 'organization',
    example: 'acme',
    decide: rotateOrganizationSecret,
  });
}
