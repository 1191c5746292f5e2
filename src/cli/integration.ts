// hooklane integration: what may post.

import type { Command } from 'commander';
import { rateLimit } from './options.ts';
import { addChange, addList, change } from './resource.ts';

interface CreateOptions {
  project: string;
  origin?: string[];
  burst?: string;
  sustained?: string;
  json?: true;
}

export function registerIntegration(program: Command): void {
  const integration = program.command('integration').description('integrations of a project: what may post');
  integration
    .command('create')
    .description('make an integration; its publicSecret, the token to post with, is shown this once')
    .argument('<name>', 'its name')
    .requiredOption('--project <project>', 'the project (id or name)')
    .option('--origin <origin...>', 'take posts from these Origins alone (in production)')
    .option('--burst <limit>', 'posts in a short time, such as 3/6s, or none', rateLimit)
    .option('--sustained <limit>', 'posts in a long time, such as 100/1h, or none', rateLimit)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane integration create browser --project shop --burst 10/1s')
    .action((name: string, options: CreateOptions) =>
      change(async (api) => {
        const within = await api.resolve('project', options.project);
        const { origin: origins, burst, sustained } = options;
        const rateLimits = {
          ...(burst !== undefined && { burst: orNull(burst) }),
          ...(sustained !== undefined && { sustained: orNull(sustained) }),
        };
        const input = { name, rateLimits, ...(origins && { origins }) };
        return { type: 'create-within', collection: 'integrations', within, input };
      }, options),
    );
  const columns = ['id', 'name', 'status', 'createdAt', 'rateLimits?', 'origins?', 'projectId?'];
  addList(integration, 'integrations', columns, 'integration list --project shop');
  const named = { kind: 'integration', example: 'browser' } as const;
  addChange(integration, {
    ...named,
    command: 'disable',
    description: 'refuse its posts with 403',
    operation: (id) => ({ type: 'change', collection: 'integrations', id, input: { status: 'disabled' } }),
  });
  addChange(integration, {
    ...named,
    command: 'enable',
    description: 'take its posts again',
    operation: (id) => ({ type: 'change', collection: 'integrations', id, input: { status: 'active' } }),
  });
  addChange(integration, {
    ...named,
    command: 'rotate-secret',
    description: 'give an integration a new token; the old one is refused from now on',
    operation: (id) => ({ type: 'rotate-secret', collection: 'integrations', id, input: {} }),
  });
}

function orNull(limit: string): string | null {
  return limit === 'none' ? null : limit;
}
