// Which core does what. Unless pinned, the system decides: on two cores the load generator and the receiver, which are
// one process, then take from the server what they need. Pinned, they have the first core, and the server the others.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { UsageError } from './options.ts';

/** What runs the server's processes, where it is pinned. */
let prefix: string[] = [];

/** Puts this process, all its threads, on the first core, and what onServerCores() starts on the others. Throws UsageError. */
export function pin(): void {
  const others = cpus().length - 1;
  if (others === 0) throw new UsageError('--pin needs two cores');
  try {
    execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', '0', String(process.pid)]);
  } catch (error) {
    throw new UsageError(`--pin needs taskset of util-linux: ${(error as Error).message.split('\n')[0]}`);
  }
  prefix = ['taskset', '--cpu-list', others === 1 ? '1' : `1-${others}`];
}

/** The command that runs Node with `args` as the server, on its cores. */
export function onServerCores(args: readonly string[]): [command: string, args: string[]] {
  const [command = '', ...rest] = [...prefix, process.execPath, ...args];
  return [command, rest];
}

/** For people, what shares which core. */
export function coresText(hasEngines: boolean): string {
  const cores = cpus().length;
  const pinned = prefix.length > 0;
  const placed = pinned
    ? `load generator and receiver on core 0, the server (and the bare parts) on ${prefix.at(-1)} (pinned)`
    : 'the load generator and the receiver (one process), the server and whatever else runs share them (not pinned)';
  return `${cores} cores: ${placed}${hasEngines ? '; broker and database on any of them' : ''}`;
}
