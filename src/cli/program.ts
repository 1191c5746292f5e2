// The commands, and how they fail: every error that a caller can act on becomes one clear line on stderr and exit
// code 1, wrong usage exit code 2; anything else is a bug and shows its stack.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerDeliveries } from './deliveries.ts';
import { registerDemo } from './demo.ts';
import { registerEndpoint } from './endpoint.ts';
import { registerInbound } from './inbound.ts';
import { registerIntegration } from './integration.ts';
import { registerListen } from './listen.ts';
import { registerLogs } from './logs.ts';
import { registerOrg } from './org.ts';
import { note } from './output.ts';
import { registerProject } from './project.ts';
import { registerPublish } from './publish.ts';
import { registerReplay } from './replay.ts';
import { registerSend } from './send.ts';
import { registerServe } from './serve.ts';
import { registerStatus } from './status.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Runs the command that `argv` names; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('hooklane')
    .description(
      "An error tracker's webhook system: posts become logs, subscribers are told, never too often.",
    )
    .version(version)
    .showHelpAfterError('(--help shows what is allowed)')
    .exitOverride();
  for (const register of COMMANDS) register(program);
  for (const command of allOf(program))
    command.exitOverride().showHelpAfterError('(--help shows what is allowed)');
  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isExpected(error)) {
      note(`hooklane: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

const COMMANDS = [
  registerServe,
  registerOrg,
  registerProject,
  registerIntegration,
  registerEndpoint,
  registerSend,
  registerPublish,
  registerDeliveries,
  registerInbound,
  registerLogs,
  registerReplay,
  registerStatus,
  registerListen,
  registerDemo,
];

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

/** Our own errors have a stable code in capitals, and so have those of the system (EADDRINUSE, ENOENT). */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E?[A-Z_]+$/.test(error.code)
  );
}
