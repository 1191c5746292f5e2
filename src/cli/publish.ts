// hooklane publish: a trigger of any kind.

import { type Command, InvalidArgumentError } from 'commander';
import { parseExactly } from '../json.ts';
import { idempotencyKey } from './options.ts';
import { change } from './resource.ts';

interface PublishOptions {
  org: string;
  event: string;
  data: { value: unknown };
  idempotencyKey?: string;
  json?: true;
}

export function registerPublish(program: Command): void {
  program
    .command('publish')
    .description('publish an event to the subscribers of an organization')
    .requiredOption('--org <organization>', 'the organization (id or name)')
    .requiredOption('--event <kind>', 'its kind, such as order.paid')
    .requiredOption('--data <json>', 'its data', json)
    .option(
      '--idempotency-key <key>',
      'publish it once, however often this is run within 24 h',
      idempotencyKey,
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nExample:\n  $ hooklane publish --org acme --event order.paid --data '{"total":12}'`,
    )
    .action(({ data, event: kind, ...options }: PublishOptions) =>
      change(async (api) => {
        const organization = await api.resolve('organization', options.org);
        const input = { kind, data: data.value };
        return { type: 'publish', organization, input, idempotencyKey: options.idempotencyKey };
      }, options),
    );
}

function json(text: string): { value: unknown } {
  try {
    return { value: parseExactly(text) };
  } catch (error) {
    throw new InvalidArgumentError(`Allowed: JSON. ${(error as Error).message}`);
  }
}
