// hooklane publish: a trigger of any kind.

import { type Command, InvalidArgumentError } from 'commander';
import { change } from './resource.ts';

export function registerPublish(program: Command): void {
  program
    .command('publish')
    .description('publish an event to the subscribers of an organization')
    .requiredOption('--org <organization>', 'the organization (id or name)')
    .requiredOption('--event <kind>', 'its kind, such as order.paid')
    .requiredOption('--data <json>', 'its data', json)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nExample:\n  $ hooklane publish --org acme --event order.paid --data '{"total":12}'`,
    )
    .action((options: { org: string; event: string; data: { value: unknown }; json?: true }) =>
      change(async (api) => {
        const within = await api.resolve('organization', options.org);
        const input = { kind: options.event, data: options.data.value };
        return { type: 'create-within', collection: 'events', within, input };
      }, options),
    );
}

function json(text: string): { value: unknown } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    throw new InvalidArgumentError(`Allowed: JSON. ${(error as Error).message}`);
  }
}
