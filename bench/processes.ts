// What is measured runs in processes of its own; the load generator and the receiver share the bench's process.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = new URL('..', import.meta.url).pathname;

/** A Hooklane that serves, with its own empty data directory. */
export interface Hooklane {
  port: number;
  adminToken: string;
  dataDirectory: string;
  /** Calls the admin API; throws unless it is answered 2xx. */
  admin(path: string, body: object): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts Hooklane as `npm start` does, on a free port. */
export async function startHooklane(): Promise<Hooklane> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'hooklane-bench-'));
  const env = { ...process.env, HOOKLANE_DATA: dataDirectory, PORT: '0', HOOKLANE_LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, ['src/main.ts', 'serve'], { cwd: ROOT, env, stdio: PIPED });
  const line = await firstLine(child, /listens on http:\/\/127\.0\.0\.1:(\d+)/);
  const port = Number(line[1]);
  const adminToken = readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim();
  return {
    port,
    adminToken,
    dataDirectory,
    async admin(path, body) {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer as Record<string, string>;
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

/** Starts the bare Fastify route; resolves to its port and how to stop it. */
export async function startBareFastify(): Promise<{ port: number; stop(): Promise<void> }> {
  const child = spawn(process.execPath, ['bench/bare-fastify.ts'], {
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

/** Runs the bare undici loop; resolves to the seconds it took. */
export async function runBareUndici(url: string, count: number): Promise<number> {
  const args = ['bench/bare-undici.ts', url, String(count)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: PIPED });
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
