// Commands that only read look at what is there. Where there is no log yet, HOOKLANE_DATA is mistyped, mostly: to make an empty
// one there and to say that all is well would be wrong twice.

import { loadConfig } from '../config.ts';
import { lookAtLog } from '../open.ts';
import { CommandFailed } from './failed.ts';
import { remoteUrl } from './remote-server.ts';

/**
 * Throws CommandFailed where the data directory that a command is about to open holds no log. Whether topics are there says
 * their engine.
 */
export async function ensureHasRun(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  if (remoteUrl(env) !== undefined) return;
  const config = loadConfig(env);
  if (config.log !== 'sqlite' || (await isThere(config))) return;
  throw new CommandFailed(
    `no Hooklane has run in ${config.dataDirectory}: there is no log.db; is HOOKLANE_DATA right?`,
  );
}

/** What may not be looked at is told of when it is opened. */
async function isThere(config: ReturnType<typeof loadConfig>): Promise<boolean> {
  try {
    return (await lookAtLog(config)) !== undefined;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return true;
    throw error;
  }
}
