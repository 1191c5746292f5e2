// hooklane org: organizations, which own everything else.

import type { Command } from 'commander';
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
      change(() => ({ type: 'create', collection: 'organizations', input: { name } }), options),
    );
  addList(org, 'organizations', ['id', 'name', 'createdAt', 'sentLastWebhookAt'], 'org list');
  addShow(org, 'organizations', 'org show acme');
  addChange(org, {
    command: 'rotate-secret',
    description: 'give an organization a new publicSecret; the old one is no longer sent',
    kind: 'organization',
    example: 'acme',
    operation: (id) => ({ type: 'rotate-secret', collection: 'organizations', id, input: {} }),
  });
}
