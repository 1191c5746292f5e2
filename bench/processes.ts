// What is measured runs in processes of its own; the load generator and the receiver share the bench's process.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onServerCores } from './cores.ts';
import type { Site } from './deployment.ts';

const ROOT = new URL('..', import.meta.url).pathname;

/** A Hooklane that serves, with its own empty stores. */
export interface Hooklane {
  port: number;
  /** Of the process that serves the API. */
  pid: number;
  /** All that it was started with. */
  processes: readonly { roles: string; pid: number }[];
  /** What configures its stores. */
  environment: Record<string, string>;
  /** Calls the admin API; throws unless it is answered 2xx. */
  admin(path: string, body: object, method?: 'POST' | 'PATCH'): Promise<Record<string, string>>;
  /** Starts one more process with this role. */
  add(role: string): Promise<ChildProcess>;
  stop(): Promise<void>;
}

/** Ends with the bench, whatever became of it. */
const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/**
 * Starts Hooklane as `npm start` does, on a free port, and a process for each role where the site has them apart. Its
 * data are in `directory`, which stays; by default in one of its own, which goes with it. `settings`: of its environment.
 */
export async function startHooklane(
  site: Site,
  { directory: kept, settings }: { directory?: string; settings?: Record<string, string> } = {},
): Promise<Hooklane> {
  const dataDirectory = kept ?? temporaryDirectory();
  const environment: Record<string, string> = {
    ...site.environment(),
    ...settings,
    HOOKLANE_DATA: dataDirectory,
  };
  const directories = kept === undefined ? [dataDirectory] : [];
  const children: ChildProcess[] = [];

  async function start(roles: string, directory: string): Promise<RegExpExecArray> {
    const env = {
      ...process.env,
      ...environment,
      HOOKLANE_DATA: directory,
      PORT: '0',
      // That endpoints are told of by plain http is known.
      HOOKLANE_LOG_LEVEL: 'error',
    };
    const args = ['bin/hooklane.js', 'serve', ...(roles === 'all' ? [] : ['--roles', roles])];
    const child = spawn(...onServerCores([...site.nodeArguments, ...args]), { cwd: ROOT, env, stdio: PIPED });
    children.push(child);
    started.add(child);
    return firstLine(child, /^Hooklane (?:listens on http:\/\/127\.0\.0\.1:(\d+)|runs on)/);
  }

  async function add(role: string): Promise<ChildProcess> {
    const directory = temporaryDirectory();
    directories.push(directory);
    await start(role, directory);
    const child = children.at(-1);
    if (child === undefined) throw new Error('there is no process');
    return child;
  }

  const [first = 'all', ...others] = site.processes;
  const port = Number((await start(first, dataDirectory))[1]);
  for (const role of others) await add(role);
  await site.prepare(environment);
  const pids = children.map(({ pid = 0 }) => pid);
  const adminToken =
    environment.HOOKLANE_ADMIN_TOKEN ?? readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim();
  return {
    port,
    pid: pids[0] ?? 0,
    processes: site.processes.map((roles, n) => ({ roles, pid: pids[n] ?? 0 })),
    environment,
    add,
    async admin(path, body, method = 'POST') {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer as Record<string, string>;
    },
    async stop() {
      await Promise.all(children.map(stopped));
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a script of bench/ as the server, to its end; resolves to the last line that it prints. */
export async function runScript(args: readonly string[]): Promise<string> {
  const child = spawn(...onServerCores(args), { cwd: ROOT, stdio: PIPED });
  started.add(child);
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0)
    throw new Error(`${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}`);
  return last;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'hooklane-bench-'));
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Starts the bare Fastify route; resolves to its port and how to stop it. */
export async function startBareFastify(): Promise<{ port: number; stop(): Promise<void> }> {
  const child = spawn(...onServerCores(['bench/bare-fastify.ts']), {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await firstLine(child, /^(\d+)$/);
  return {
    port: Number(line[1]),
    async stop() {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Runs the bare undici loop, after so many others to warm up; resolves to the seconds it took. */
export async function runBareUndici(url: string, of: { warmUp: number; count: number }): Promise<number> {
  const args = ['bench/bare-undici.ts', url, String(of.warmUp), String(of.count)];
  const child = spawn(...onServerCores(args), { cwd: ROOT, stdio: PIPED });
  const line = await firstLine(child, /^([\d.]+)$/);
  if (child.exitCode === null) await once(child, 'exit');
  return Number(line[1]);
}

const PIPED: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];

async function firstLine(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  if (child.stdout === null) throw new Error('the output of the process is not piped');
  for await (const line of createInterface({ input: child.stdout })) {
    const found = pattern.exec(line);
    if (found !== null) {
      child.stdout.resume();
      return found;
    }
  }
  throw new Error(`the process ended with ${child.exitCode} before it was ready`);
}
