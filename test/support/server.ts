// A server process of the tests: started and stopped as often as a test wants, on one port and one directory.
//
// It is gone when its owner is gone, whatever became of the owner: a guard beside it waits for the end of a pipe
// that only the owner holds. What it prints goes to a file, whose end is shown when it does not start.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.ts';

/** A cold JVM on two busy cores takes its time. */
const START_MS = 60_000;
/** After SIGTERM; then SIGKILL. */
const STOP_MS = 15_000;

/** A real engine that a test owns. */
export interface Server {
  url: string;
  host: string;
  port: number;
  /** Its data and its output (`output.log`). */
  directory: string;
  /** Of its process; undefined while it is stopped. */
  pid(): number | undefined;
  /** Starts it, on the port and the data it had before, and resolves when it answers. */
  start(): Promise<void>;
  /** Stops it and keeps its data. SIGTERM lets it finish; SIGKILL is a crash. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** SIGSTOP: it is there and does not answer; SIGCONT: it goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

export interface ServerOptions {
  /** What messages call it. */
  name: string;
  port: number;
  url: string;
  /** The directory of its data, which goes with it: made by `serverDirectory`. */
  directory: string;
  command: readonly string[];
  /** What it prints when it is ready. */
  ready: RegExp;
}

/** An empty directory for a server. */
export function serverDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'hooklane-engine-'));
}

/** Starts a server and resolves when it answers. Rejects with what it printed last when it does not. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { name, port, url, directory } = options;
  const log = join(directory, 'output.log');
  let running: { child: ChildProcess; guard: ChildProcess } | undefined;

  async function start(): Promise<void> {
    if (running) throw new Error(`${name} is running already`);
    const output = openSync(log, 'w');
    const [command = '', ...args] = options.command;
    const child = spawn(command, args, { cwd: directory, stdio: ['ignore', output, output], detached: true });
    closeSync(output);
    const failure = new Promise<never>((_, reject) => child.once('error', reject));
    failure.catch(() => undefined); // told by the race below, or too late to matter
    if (child.pid === undefined) return failure;
    running = { child, guard: guard(child.pid, directory) };
    const answers = waitFor(`${name} to start`, () => isReady(child), START_MS);
    try {
      await Promise.race([answers, failure]);
    } catch (error) {
      await stop('SIGKILL');
      throw new Error(`${name} did not start: ${lastLines(log)}`, { cause: error });
    }
  }

  async function isReady(child: ChildProcess): Promise<boolean> {
    if (hasEnded(child)) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
    return options.ready.test(readFileSync(log, 'utf8')) && (await accepts(port));
  }

  async function stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (!running) return;
    const { child, guard } = running;
    running = undefined;
    await end(child, signal);
    await dismiss(guard);
  }

  async function close(): Promise<void> {
    await stop('SIGKILL'); // its data goes with it: nothing to finish
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }

  const server: Server = {
    url,
    host: '127.0.0.1',
    port,
    directory,
    pid: () => running?.child.pid,
    start,
    stop,
    signal: (signal) => running?.child.kill(signal),
    close,
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return server;
}

/**
 * Kills the process `pid` and removes its directory when this process is no more, even by SIGKILL: the pipe ends with
 * its only writer. In a process group of its own, as the server is: Ctrl-C is for the runner, which stops both.
 */
function guard(pid: number, directory: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"';
  const stdio: StdioOptions = ['pipe', 'ignore', 'ignore'];
  return spawn('sh', ['-c', script, 'sh', String(pid), directory], { stdio, detached: true });
}

/** Ends a guard and what it waits with, before the pipe ends: it must not do its duty. */
async function dismiss(guard: ChildProcess): Promise<void> {
  if (guard.pid === undefined || hasEnded(guard)) return;
  const ended = new Promise((resolve) => guard.once('close', resolve));
  process.kill(-guard.pid, 'SIGKILL');
  await ended;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT'); // one that is stopped would not hear of it
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The last lines of a log, for an error's message. */
function lastLines(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}

/** Whether something accepts connections on a port of this machine. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * A port that nobody listens on, below those that the system gives to outgoing connections (Linux: from 32768). A
 * server that is down keeps such a port: nobody is given it meanwhile, and a client that knocks cannot be connected
 * to itself, as happens on loopback when both ends are given the same one.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
