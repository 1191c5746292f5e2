// Config to engines: the only file that knows which engines exist.

import type { Config } from './config.ts';
import type { Log } from './log/log.ts';
import { openSqliteLog } from './log/sqlite.ts';
import { isServed as isServedSqlite } from './log/sqlite-lock.ts';
import { projections } from './projections/all.ts';
import { openSqliteViews } from './views/sqlite.ts';
import type { Views } from './views/views.ts';

/** Opens the log. To `serve` it is to be the one process that works it off. Throws LogRefused. */
export function openLog(config: Config, { serve }: { serve: boolean }): Log {
  const { dataDirectory: directory, partitions } = config;
  return openSqliteLog({ directory, serve, ...(partitions === undefined ? {} : { partitions }) });
}

/** Opens the store of read models. Throws ViewsRefused. */
export function openViews(config: Config): Views {
  const definitions = projections.map(({ definition }) => definition);
  return openSqliteViews({ directory: config.dataDirectory, definitions });
}

/** By how much the clocks of the hosts that may own a partition one after the other differ: there is one host. */
export const SKEW_MS = 0;

/** Whether a process serves the data directory now. */
export function isServed(config: Config): boolean {
  return isServedSqlite(config.dataDirectory);
}
