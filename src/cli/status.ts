// hooklane status: how it stands, at a glance; with --watch again and again. It shows the stores as they are, and
// projects nothing: how far the read models are behind is part of what is asked.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { LogUnavailable } from '../log/log.ts';
import { openLog, openViews } from '../open.ts';
import { projections } from '../projections/all.ts';
import { readStatus } from '../query/status.ts';
import { parseDuration, processTime } from '../time.ts';
import { ViewsUnavailable } from '../views/views.ts';
import { CommandFailed } from './failed.ts';
import { duration } from './options.ts';
import { note, print, printJson } from './output.ts';
import { createRemoteApi } from './remote-api.ts';
import { remoteServer, ServerAway } from './remote-server.ts';
import { printStatus, type Shown, statusLine } from './status-print.ts';
import { stopSignal } from './stopped.ts';

interface StatusOptions {
  json?: true;
  watch?: string | true;
}

/** How often --watch looks, unless it is said. */
const WATCH = '2s';
const LEAST_WATCH_MS = 100;
/** Clears a terminal, and goes to its top. */
const CLEAR = '\u001b[2J\u001b[H';

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('topics, lags, lanes, due webhooks, endpoints, sizes; exit code 1 if something is unhealthy')
    .option('--watch [every]', `look again and again, until Ctrl+C (default: every ${WATCH})`, duration)
    .option('--json', 'print one JSON document; with --watch one object a line')
    .addHelpText('after', '\nExample:\n  $ hooklane status\n  $ hooklane status --watch 5s')
    .action(({ json, watch }: StatusOptions) =>
      withStatus((read) =>
        watch === undefined ? once(read, json === true) : again(read, { json: json === true, watch }),
      ),
    );
}

type Read = () => Promise<Shown>;

/** Asks the server that is named, or opens the stores, without bringing the read models up. */
async function withStatus(work: (read: Read) => Promise<void>): Promise<void> {
  const server = remoteServer(process.env);
  if (server !== undefined) {
    const { status } = await createRemoteApi(server);
    await work(async () => ({ ...(await status()), url: server.url }));
    return;
  }
  const config = loadConfig(process.env);
  const log = await openLog(config, { serve: false });
  try {
    const views = await openViews(config);
    try {
      const definitions = projections.map(({ definition }) => definition);
      const options = { log, views, definitions, clock: processTime().now };
      const { dataDirectory } = config;
      await work(async () => ({ ...(await readStatus(options)), dataDirectory }));
    } finally {
      await views.close();
    }
  } finally {
    await log.close();
  }
}

/** Throws CommandFailed when something is unhealthy. */
async function once(read: Read, json: boolean): Promise<void> {
  const status = await read();
  if (json) printJson(status);
  else printStatus(status);
  if (status.healthy) return;
  const what = status.problems.filter(({ level }) => level === 'unhealthy').map((problem) => problem.what);
  throw new CommandFailed(`unhealthy: ${[...new Set(what)].join(', ')}`);
}

/** Ends without an error when it is stopped, however it stands: who watches has seen it. */
async function again(read: Read, { json, watch }: { json: boolean; watch: string | true }): Promise<void> {
  const everyMs = Math.max(LEAST_WATCH_MS, parseDuration(watch === true ? WATCH : watch) ?? 0);
  const signal = stopSignal();
  const redraws = process.stdout.isTTY && !json;
  let isSeen = false;
  while (!signal.aborted) {
    try {
      const status = await read();
      isSeen = true;
      if (json) printJson(status, { line: true });
      else if (redraws) {
        process.stdout.write(CLEAR);
        printStatus(status);
      } else print(statusLine(status));
    } catch (error) {
      // What is away comes back, and that it is away is what is watched for.
      const isAway = error instanceof LogUnavailable || error instanceof ViewsUnavailable;
      // A server that was never there is a wrong address.
      if (!isAway && !(error instanceof ServerAway && isSeen)) throw error;
      note(`hooklane: ${error.message}`);
    }
    // Rejects when it is aborted, which ends the loop.
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}
