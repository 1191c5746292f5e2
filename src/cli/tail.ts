// Following: what happens from now on, a line each, until Ctrl+C.

import type { Command } from 'commander';
import type { Tailed } from '../query/tail.ts';
import { print, printJson } from './output.ts';
import { stopSignal } from './stopped.ts';
import { withApi } from './with-api.ts';

export interface TailOptions {
  what: Tailed;
  /** One thing as a line for people. */
  line: (item: Record<string, unknown>) => string;
  example: string;
}

/** Adds `tail` for a resource. */
export function addTail(parent: Command, options: TailOptions): void {
  parent
    .command('tail')
    .description('follow what happens, until Ctrl+C')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', `\nExample:\n  $ hooklane ${options.example}`)
    .action(({ json }: { json?: true }) => follow(options, json === true));
}

async function follow({ what, line }: TailOptions, json: boolean): Promise<void> {
  const signal = stopSignal();
  await withApi(async (api) => {
    for await (const item of await api.tail(what, signal)) {
      if (json) printJson(item, { line: true });
      else print(line(item));
    }
  });
}
