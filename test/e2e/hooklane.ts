// Hooklane as its users run it: `bin/hooklane.js` in processes of its own, on a data directory of its own. All that
// a test has started is killed when the test has ended.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import type { Owner } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { enginesOf } from './engines.ts';

const BIN = fileURLToPath(new URL('../../bin/hooklane.js', import.meta.url));

/** Compiled once instead of by every command: a command of ours takes longest to compile. */
const COMPILED = join(tmpdir(), 'hooklane-e2e-compiled');

/** A start compiles many files, beside other tests. */
const STARTED_WITHIN_MS = 30_000;
const ENDED_WITHIN_MS = 30_000;

export type Environment = Readonly<Record<string, string>>;
export type Fields = Record<string, unknown>;

/** The environment of the tests without anything that configures Hooklane, and with `extra`. */
function environment(extra: Environment): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE: COMPILED, ...extra };
}

/** A command in a process of its own. */
export interface Running {
  pid: number;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** How it ended: its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

export interface Options {
  env?: Environment;
  input?: string | Buffer;
  /** Run as this user, where the tests run as root. */
  uid?: number;
}

/** Starts `hooklane …args`; killed after the test `t`. */
export function start(t: Owner, args: readonly string[], { env = {}, input, uid }: Options = {}): Running {
  return watch(
    t,
    spawn(process.execPath, [BIN, ...args], {
      env: environment({ ...enginesOf(t, env.HOOKLANE_DATA), ...env }),
      stdio: 'pipe',
      ...(uid === undefined ? {} : { uid, gid: uid }),
    }),
    input,
  );
}

/** How a shell calls `hooklane`. */
export const HOOKLANE = `"${process.execPath}" "${BIN}"`;

/** A line for `sh -c`, as somebody pastes it; killed after the test `t`. */
export function startShell(t: Owner, line: string): Running {
  return watch(t, spawn('sh', ['-c', line], { env: environment({}), stdio: 'pipe' }));
}

function watch(t: Owner, child: ChildProcess, input: string | Buffer = ''): Running {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that is refused reads no input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1));
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** What a command has come to. */
export interface Outcome {
  exit: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
}

/** Runs `hooklane …args` to its end. */
export async function run(t: Owner, args: readonly string[], options: Options = {}): Promise<Outcome> {
  const command = start(t, args, options);
  const exit = await within(command.ended, `the end of ${args.join(' ')}`);
  return { exit, stdout: command.stdout(), stderr: command.stderr() };
}

/** Runs `hooklane …args --json`, which must succeed, and gives what it printed. */
export async function ask(t: Owner, args: readonly string[], options: Options = {}): Promise<Fields> {
  const { exit, stdout, stderr } = await run(t, [...args, '--json'], options);
  assert.equal(exit, 0, `hooklane ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

/** As ask(), for a list: its items. */
export async function askList(t: Owner, args: readonly string[], options: Options = {}): Promise<Fields[]> {
  const { items } = await ask(t, args, options);
  assert.ok(Array.isArray(items));
  return items;
}

/** A serving process that is up. */
export interface Serving extends Running {
  url: string;
  /** Of the default integration; empty but at the first start. */
  token: string;
}

/** Starts `hooklane serve` on a free port, or on `port`, and waits until it listens. */
export async function serve(
  t: Owner,
  directory: string,
  options: { port?: number; env?: Environment; roles?: string } = {},
): Promise<Serving> {
  const { port = 0, env = {}, roles } = options;
  const server = start(t, ['serve', ...(roles === undefined ? [] : ['--roles', roles])], {
    env: { HOOKLANE_DATA: directory, PORT: String(port), ...env },
  });
  let end: number | NodeJS.Signals | undefined;
  void server.ended.then((exit) => {
    end = exit;
  });
  const url = await waitFor(
    'the server to listen',
    () => {
      if (end !== undefined) throw new Error(`the server ended with ${end}: ${server.stderr()}`);
      return /^Hooklane listens on (\S+) .*\n/.exec(server.stdout())?.[1];
    },
    STARTED_WITHIN_MS,
  );
  // The greeting is written in one piece.
  const [, token = ''] = /shown this once: (\S+)\n/.exec(server.stdout()) ?? [];
  return { ...server, url, token };
}

/** Stops it with `signal`, which it must obey with exit code 0. */
export async function stop(server: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  server.kill(signal);
  assert.equal(await within(server.ended, 'the server to stop'), 0, server.stderr());
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Fields;
}

/** Posts an inbound webhook. A body that is not a string is sent as JSON. */
export async function post(
  url: string,
  token: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await request(`${url}/api/v1/webhooks/logs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.body.text();
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) };
}

/** Waits for `promise`, but not for ever. */
export async function within<T>(promise: Promise<T>, what: string, withinMs = ENDED_WITHIN_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${withinMs} ms in vain for: ${what}`)), withinMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `GET /api/v1/<path>` answers. */
export async function fetchItem(url: string, adminToken: string, path: string): Promise<Fields> {
  const response = await request(`${url}/api/v1/${path}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  assert.equal(response.statusCode, 200, path);
  return (await response.body.json()) as Fields;
}

/**
 * Whether all that is in the log has been recorded, dispatched and taken in by the read models. Before that, that nothing is
 * pending says little: the read models may be behind.
 */
export async function isWorkedOff(url: string, adminToken: string): Promise<boolean> {
  const { groups } = await fetchItem(url, adminToken, 'status');
  return (groups as { lag: number }[]).every(({ lag }) => lag === 0);
}

/** All of a collection over HTTP, page by page. */
export async function list(url: string, adminToken: string, collection: string): Promise<Fields[]> {
  const all: Fields[] = [];
  for (let cursor = ''; ; ) {
    const after = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const page = await fetchItem(
      url,
      adminToken,
      `${collection}${collection.includes('?') ? '&' : '?'}limit=200${after}`,
    );
    all.push(...(page.items as Fields[]));
    if (page.cursor === null) return all;
    cursor = String(page.cursor);
  }
}
