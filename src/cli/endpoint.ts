// hooklane endpoint: who is told.

import type { Command } from 'commander';
import { changeEndpoint, createEndpoint, rotateEndpointSecret } from '../command/admin/endpoint.ts';
import { WHEN_BUSY } from '../events.ts';
import { duration, durations, httpUrl, list, oneOf } from './options.ts';
import { note } from './output.ts';
import { addChange, addList, change } from './resource.ts';

interface CreateOptions {
  org: string;
  url: string;
  events: string[];
  gap?: string;
  whenBusy?: string;
  retries?: string[];
  timeout?: string;
  json?: true;
}

export function registerEndpoint(program: Command): void {
  const endpoint = program.command('endpoint').description('endpoints of an organization: who is told');
  endpoint
    .command('create')
    .description('subscribe a URL to events; its signing secret is shown this once')
    .requiredOption('--org <organization>', 'the organization (id or name)')
    .requiredOption('--url <url>', 'where webhooks are sent', httpUrl)
    .requiredOption(
      '--events <kinds>',
      "kinds and patterns, such as log.created,deploy.created or 'log.*'",
      list,
    )
    .option('--gap <duration>', 'least time between two requests (default: 5s)', duration)
    .option(
      '--when-busy <policy>',
      `what to do with what comes too soon: ${WHEN_BUSY.join(', ')}`,
      oneOf(WHEN_BUSY),
    )
    .option(
      '--retries <delays>',
      'when to try again after a failure, such as 5s,30s (default: none)',
      durations,
    )
    .option('--timeout <duration>', 'how long an exchange may take (default: 5s)', duration)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      "\nExample:\n  $ hooklane endpoint create --org acme --url https://example.com/hook --events 'log.*' --gap 10s",
    )
    .action(async (options: CreateOptions) => {
      await change(async (queries) => {
        const { org, json: _, ...settings } = options;
        const id = await queries.resolve('organization', org);
        return (context) => createEndpoint(context, id, settings);
      }, options);
      if (options.url.startsWith('http:')) note('Warning: http sends secrets and data in the clear.');
    });
  const columns = ['id', 'url', 'events', 'gap', 'status', 'organizationId?'];
  addList(endpoint, 'endpoints', columns, 'endpoint list --org acme');
  const named = { kind: 'endpoint', example: 'ep_…' } as const;
  addChange(endpoint, {
    ...named,
    command: 'enable',
    description: 'send to it again',
    decide: (context, id) => changeEndpoint(context, id, { status: 'active' }),
  });
  addChange(endpoint, {
    ...named,
    command: 'disable',
    description: 'send nothing more to it; what comes is recorded as omitted',
    decide: (context, id) => changeEndpoint(context, id, { status: 'disabled' }),
  });
  addChange(endpoint, {
    ...named,
    command: 'rotate-secret',
    description: 'give an endpoint a new signing secret',
    decide: rotateEndpointSecret,
  });
}
