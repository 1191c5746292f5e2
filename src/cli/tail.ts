// Following: what happens from now on, a line each, until Ctrl+C.

import type { Command } from 'commander';
import type { EventOf, EventType, Topic } from '../events.ts';
import type { ResourceName } from '../query/resources.ts';
import { print, printJson } from './output.ts';
import { stopSignal } from './stopped.ts';
import { withStores } from './stores.ts';

export interface TailOptions<T extends Topic> {
  topic: T;
  /** The events after which a line is due. */
  types: readonly EventType[];
  resource: ResourceName;
  /** Of what the event tells. */
  idOf: (event: EventOf<T>) => string | undefined;
  /** One thing as a line for people. */
  line: (item: Record<string, unknown>) => string;
  example: string;
}

/** Adds `tail` for a resource. */
export function addTail<T extends Topic>(parent: Command, options: TailOptions<T>): void {
  parent
    .command('tail')
    .description('follow what happens, until Ctrl+C')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', `\nExample:\n  $ hooklane ${options.example}`)
    .action(({ json }: { json?: true }) => tail(options, json === true));
}

async function tail<T extends Topic>(options: TailOptions<T>, json: boolean): Promise<void> {
  const { topic, types, resource, idOf, line } = options;
  const signal = stopSignal();
  await withStores(async ({ log, queries, caughtUp }) => {
    const from = Object.fromEntries((await log.ends(topic)).entries());
    for await (const { events } of log.follow(topic, { from, types, signal })) {
      const last = events.at(-1);
      if (last === undefined) continue;
      await caughtUp([last]);
      const ids = new Set(events.map(({ event }) => idOf(event)).filter((id) => id !== undefined));
      for (const id of ids) {
        const item = await queries.show(resource, id);
        if (json) printJson(item, { line: true });
        else print(line(item));
      }
    }
  });
}
