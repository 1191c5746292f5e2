// The commands, and how they fail: every error that a caller can act on becomes one clear line on stderr and exit
// code 1, wrong usage exit code 2; anything else is a bug and shows its stack.

import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { registerAudit } from './audit.ts';
import { complaintOf } from './complaint.ts';
import { registerDeliveries } from './deliveries.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { registerEndpoint } from './endpoint.ts';
import { registerExport } from './export.ts';
import { registerImport } from './import.ts';
import { registerInbound } from './inbound.ts';
import { registerIntegration } from './integration.ts';
import { registerKeys } from './keys.ts';
import { registerListen } from './listen.ts';
import { registerLogs } from './logs.ts';
import { token } from './options.ts';
import { registerOrg } from './org.ts';
import { note } from './output.ts';
import { registerProject } from './project.ts';
import { registerPrune } from './prune.ts';
import { registerPublish } from './publish.ts';
import { registerReplay } from './replay.ts';
import { registerSend } from './send.ts';
import { registerServe } from './serve.ts';
import { registerStatus } from './status.ts';
import { registerToken } from './token.ts';
import { registerVerify } from './verify.ts';

/** All commands. `onRun` is told which one is about to run. */
export function createProgram(onRun: (command: Command) => void = () => {}): Command {
  const program = new Command('hooklane')
    .description(
      "An error tracker's webhook system: posts become logs, subscribers are told, never too often.",
    )
    .version(VERSION)
    .addHelpText('after', '\nExample:\n  $ hooklane serve\n\nEach command has --help with an example.')
    .option('--url <url>', SERVER_OPTIONS.url)
    .option('--token <token>', SERVER_OPTIONS.token, token)
    // So that commands may have options of the same name.
    .enablePositionalOptions()
    .hook('preAction', (_, command) => {
      onRun(command);
      useServer(command);
    });
  for (const register of COMMANDS) register(program);
  for (const group of program.commands.filter(({ commands }) => commands.length > 0)) {
    group.addHelpText('after', `\nExample:\n  $ hooklane ${group.name()} list`);
  }
  for (const command of allOf(program)) {
    if (asksApi(command)) addServerOptions(command);
    command.exitOverride().configureOutput({ outputError: (text, write) => write(usageLine(text, command)) });
  }
  return program;
}

/** Runs the command that `argv` names; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  let running: Command | undefined;
  const program = createProgram((command) => {
    running = command;
  });
  process.stdout.on('error', stopIfUnread);
  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const complaint = complaintOf(error, running);
    if (complaint === undefined) throw error;
    for (const line of complaint.lines) note(`hooklane: ${line}`);
    return complaint.exitCode;
  }
}

// ── a server somewhere else ─────────────────────────────────────────────────────────────────────────────────

const SERVER_OPTIONS = {
  url: 'ask the server there, instead of opening the data directory (default: HOOKLANE_URL)',
  token: 'a token of that server (default: HOOKLANE_TOKEN)',
};

/** Commands that open engines, or talk to something else than the API. */
const LOCAL = ['serve', 'send', 'listen', 'demo', 'doctor'];

/** Whether a command does its work by the API, wherever that is. */
function asksApi(command: Command): boolean {
  return command.parent !== null && command.commands.length === 0 && !LOCAL.includes(command.name());
}

/** Some have an option of that name already: for them it stands before the command, or in the environment. */
function addServerOptions(command: Command): void {
  if (command.options.some(({ long }) => long === '--url')) return;
  command.option('--url <url>', SERVER_OPTIONS.url).option('--token <token>', SERVER_OPTIONS.token, token);
}

/** Options stand above the environment. A command that has a `--url` of its own means something else by it. */
function useServer(command: Command): void {
  const program = rootOf(command);
  const own = command.options.some(({ description }) => description === SERVER_OPTIONS.url);
  const { url, token: given } = { ...program.opts(), ...(own ? command.opts() : {}) };
  if (url !== undefined) process.env.HOOKLANE_URL = url;
  if (given !== undefined) process.env.HOOKLANE_TOKEN = given;
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** What commander says of wrong usage, in one line that ends with where to read on. */
function usageLine(text: string, command: Command): string {
  const complaint = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ');
  return `hooklane: ${complaint} (${pathOf(command)} --help)\n`;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** `hooklane … | head` reads no further than it wants to. */
function stopIfUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
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
  registerToken,
  registerAudit,
  registerReplay,
  registerVerify,
  registerPrune,
  registerStatus,
  registerDoctor,
  registerExport,
  registerImport,
  registerKeys,
  registerListen,
  registerDemo,
];

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}
