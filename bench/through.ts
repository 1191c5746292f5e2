// Posts that are pushed through the whole, from the first post to the last delivery, and what that cost.

import { readFileSync } from 'node:fs';
import { loadConfig } from '../src/config.ts';
import { loadKeys, openSecretBox } from '../src/keys.ts';
import type { Log } from '../src/log/log.ts';
import { openLog, openViews } from '../src/open.ts';
import type { SecretBox } from '../src/secrets.ts';
import type { Views } from '../src/views/views.ts';
import { postBytes, runLoad } from './load.ts';
import { errorPayload } from './payload.ts';
import type { Hooklane } from './processes.ts';
import type { BenchReceiver } from './receiver.ts';

export const POSTS = '/api/v1/webhooks/logs';
export const CONNECTIONS = 64;

interface Through {
  hooklane: Pick<Hooklane, 'port'>;
  receiver: BenchReceiver;
  /** Each post is delivered once. */
  count: number;
  tokenOf: (index: number) => string;
}

/** Posts as fast as answers come; resolves to the seconds until all have been delivered. Rejects unless all are taken. */
export async function pushThrough({ hooklane, receiver, count, tokenOf }: Through): Promise<number> {
  const startedMs = performance.now();
  const arrived = receiver.expect(count);
  const { statuses } = await runLoad({
    port: hooklane.port,
    request: (index) => postBytes(POSTS, tokenOf(index), errorPayload(index)),
    connections: CONNECTIONS,
    count,
  });
  expectAll(statuses, count);
  await arrived;
  return (performance.now() - startedMs) / 1_000;
}

export function expectAll(statuses: Record<string, number>, count: number): void {
  if (statuses[201] !== count) throw new Error(`not all posts were accepted: ${JSON.stringify(statuses)}`);
}

/** The stores of a Hooklane that serves, as a command beside it has them. */
export interface Beside {
  log: Log;
  views: Views;
  secrets: SecretBox;
  close(): Promise<void>;
}

export async function openBeside({ environment }: Pick<Hooklane, 'environment'>): Promise<Beside> {
  const config = loadConfig(environment);
  const log = await openLog(config, { serve: false });
  const views = await openViews(config);
  const secrets = openSecretBox(config, loadKeys(config).masterKeys);
  return {
    log,
    views,
    secrets,
    async close() {
      await views.close();
      await log.close();
    },
  };
}

/** Of a second, as Linux counts it for people (USER_HZ, which is 100 on all that Node runs on). */
export const TICK_SECONDS = 0.01;

/** Seconds of processor time that a process has used, all its threads; undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Behind the name, which may have blanks in it: the 14th and 15th of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** What of a process is in memory, shared libraries included; undefined where there is no /proc. Source: proc_pid_status(5). */
export function residentBytes(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
