// The commands, and how they fail: every error that a caller can act on becomes one clear line on stderr and exit
// code 1, wrong usage exit code 2; anything else is a bug and shows its stack.

import { getSystemErrorMessage } from 'node:util';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { complaintOf } from './complaint.ts';
import { SERVER_OPTIONS, serverUrl, token } from './options.ts';
import { note } from './output.ts';

/** Commands: the one of this name, where there is one, else all. `onRun` is told which one is about to run. */
export async function createProgram(
  name = '',
  onRun: (command: Command) => void = () => {},
): Promise<Command> {
  const program = new Command('hooklane')
    .description(
      "An error tracker's webhook system: posts become logs, subscribers are told, never too often.",
    )
    .version(VERSION)
    .addHelpText('after', '\nExample:\n  $ hooklane serve\n\nEach command has --help with an example.')
    .option('--url <url>', SERVER_OPTIONS.url, serverUrl)
    .option('--token <token>', SERVER_OPTIONS.token, token)
    // So that commands may have options of the same name.
    .enablePositionalOptions()
    .hook('preAction', async (_, command) => {
      onRun(command);
      refuseEmpty(command);
      useServer(command);
      // What it loads the command itself would load next.
      if (onlyReads(command)) await (await import('./has-run.ts')).ensureHasRun(process.env);
    });
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const loading = (named === undefined ? Object.values(COMMANDS) : [named]).map((load) => load());
  for (const register of await Promise.all(loading)) register(program);
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
  const program = await createProgram(argv[2], (command) => {
    running = command;
  });
  process.stdout.on('error', (error) => stopIfUnread(error, running));
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

/** Commands that open engines, or talk to something else than the API. */
const LOCAL = ['serve', 'send', 'listen', 'demo', 'doctor'];

/** Commands that change nothing in a log, so that without one there is nothing for them to do. */
const READING = [
  ...['list', 'show', 'stats', 'groups', 'tail', 'audit', 'status'],
  ...['verify', 'replay', 'prune', 'export'],
];

function onlyReads(command: Command): boolean {
  return asksApi(command) && READING.includes(command.name());
}

/** Whether a command does its work by the API, wherever that is. */
function asksApi(command: Command): boolean {
  return command.parent !== null && command.commands.length === 0 && !LOCAL.includes(command.name());
}

/** Some have an option of that name already: for them it stands before the command, or in the environment. */
function addServerOptions(command: Command): void {
  if (command.options.some(({ long }) => long === '--url')) return;
  command
    .option('--url <url>', SERVER_OPTIONS.url, serverUrl)
    .option('--token <token>', SERVER_OPTIONS.token, token);
}

/** Options stand above the environment. A command that has a `--url` of its own means something else by it. */
function useServer(command: Command): void {
  const program = rootOf(command);
  const own = command.options.some(({ description }) => description === SERVER_OPTIONS.url);
  const { url, token: given } = { ...program.opts(), ...(own ? command.opts() : {}) };
  if (url !== undefined) process.env.HOOKLANE_URL = url;
  if (given !== undefined) process.env.HOOKLANE_TOKEN = given;
}

/** An option that is empty is a variable of a script that was not set: to do as if it had not been given would do another thing. */
function refuseEmpty(command: Command): void {
  for (const given of [rootOf(command), command]) {
    const empty = given.options.find((option) => given.getOptionValue(option.attributeName()) === '');
    if (empty !== undefined) command.error(`option '${empty.flags}' argument '' is invalid. It is empty.`);
  }
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

/** `hooklane … | head` reads no further than it wants to; but half an export is none. A server goes on without its greeting. */
function stopIfUnread(error: NodeJS.ErrnoException, command: Command | undefined): void {
  if (command?.name() === 'serve') return;
  if (error.code === 'EPIPE' && command?.name() !== 'export') process.exit(0);
  const why = error.errno === undefined ? error.message : getSystemErrorMessage(error.errno);
  note(`hooklane: the output cannot be written: ${why}`);
  process.exit(1);
}

/** What adds each command, in the order in which they are listed. A process loads what its command needs. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./serve.ts')).registerServe,
  org: async () => (await import('./org.ts')).registerOrg,
  project: async () => (await import('./project.ts')).registerProject,
  integration: async () => (await import('./integration.ts')).registerIntegration,
  endpoint: async () => (await import('./endpoint.ts')).registerEndpoint,
  send: async () => (await import('./send.ts')).registerSend,
  publish: async () => (await import('./publish.ts')).registerPublish,
  deliveries: async () => (await import('./deliveries.ts')).registerDeliveries,
  inbound: async () => (await import('./inbound.ts')).registerInbound,
  logs: async () => (await import('./logs.ts')).registerLogs,
  token: async () => (await import('./token.ts')).registerToken,
  audit: async () => (await import('./audit.ts')).registerAudit,
  replay: async () => (await import('./replay.ts')).registerReplay,
  verify: async () => (await import('./verify.ts')).registerVerify,
  prune: async () => (await import('./prune.ts')).registerPrune,
  status: async () => (await import('./status.ts')).registerStatus,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
  export: async () => (await import('./export.ts')).registerExport,
  import: async () => (await import('./import.ts')).registerImport,
  keys: async () => (await import('./keys.ts')).registerKeys,
  listen: async () => (await import('./listen.ts')).registerListen,
  demo: async () => (await import('./demo.ts')).registerDemo,
};

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}
