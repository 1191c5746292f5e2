// hooklane project: projects of organizations.

import type { Command } from 'commander';
import { addList, change } from './resource.ts';

export function registerProject(program: Command): void {
  const project = program.command('project').description('projects of an organization');
  project
    .command('create')
    .description('make a project')
    .argument('<name>', 'its name')
    .requiredOption('--org <organization>', 'the organization (id or name)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane project create shop --org acme')
    .action((name: string, options: { org: string; json?: true }) =>
      change(async (api) => {
        const within = await api.resolve('organization', options.org);
        return { type: 'create-within', collection: 'projects', within, input: { name } };
      }, options),
    );
  addList(project, 'projects', ['id', 'name', 'createdAt', 'organizationId?'], 'project list --org acme');
}
