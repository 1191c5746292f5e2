// hooklane org: organizations, which own everything else.

import type { Command } from 'commander';
import { createOrganization, rotateOrganizationSecret } from '../command/admin/organization.ts';
import { addList, addShow, change } from './resource.ts';

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
  org
    .command('rotate-secret')
    .description('give an organization a new publicSecret; the old one is no longer sent')
    .argument('<organization>', 'its id or name')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane org rotate-secret acme')
    .action((organization: string, options) =>
      change(async (queries) => {
        const id = await queries.resolve('organization', organization);
        return (context) => rotateOrganizationSecret(context, id);
      }, options),
    );
}
