// What commands work with: log and read models, opened beside a running server or without one. Who asks is shown all
// that was in the log when the command began, also what the command before it has written.

import { type Config, loadConfig } from '../config.ts';
import type { Log, Position } from '../log/log.ts';
import { openLog, openViews } from '../open.ts';
import { projections } from '../projections/all.ts';
import { projectToEnd } from '../projections/projector.ts';
import { reached, reachedEnd } from '../projections/reached.ts';
import { rebuild } from '../projections/rebuild.ts';
import { createQueries, type Queries } from '../query/queries.ts';
import { processTime } from '../time.ts';
import type { Views } from '../views/views.ts';
import { note } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';

export interface Stores {
  config: Config;
  log: Log;
  views: Views;
  queries: Queries;
  /** Waits until the read models have all that is in the log now; projects it where nobody else does. */
  refresh(): Promise<void>;
  /** As refresh(), but tells whether they have. */
  hasAll(): Promise<boolean>;
  /** Waits until the read models have what stands at these positions; projects it where nobody else does. */
  caughtUp(positions: readonly Position[]): Promise<void>;
  /** As caughtUp(), but tells whether they have. */
  reached(positions: readonly Position[]): Promise<boolean>;
}

/** How long a command waits for the server to keep its read models up. */
const CAUGHT_UP_WITHIN_MS = 3_000;

/** Runs `work` with the log of the configured data directory alone, and closes it. */
export async function withLog<T>(work: (log: Log, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig(process.env);
  const log = await openLog(config, { serve: false });
  try {
    return await work(log, config);
  } finally {
    await log.close();
  }
}

/** Runs `work` with the stores of the configured data directory, caught up with the log, and closes them. */
export function withStores<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
  return withLog(async (log, config) => {
    const views = await openViews(config);
    try {
      const stores = createStores(config, log, views);
      await stores.refresh();
      return await work(stores);
    } finally {
      await views.close();
    }
  });
}

function createStores(config: Config, log: Log, views: Views): Stores {
  /** What `look` finds, where a server keeps the read models up; else they are brought up here. */
  async function lookOrProject(look: () => Promise<boolean>): Promise<boolean> {
    if (await log.served()) return look();
    await projectToEnd({ log, views, projections });
    return true;
  }
  const options = { views, projections, withinMs: CAUGHT_UP_WITHIN_MS };
  /** It is said once, however often it is found. */
  let warned = false;
  async function warnUnless(inTime: Promise<boolean>): Promise<void> {
    if ((await inTime) || warned) return;
    warned = true;
    note('The read models lag behind the log: the newest may be missing here.');
  }
  const hasAll = () => lookOrProject(() => reachedEnd(log, options));
  const haveReached = (positions: readonly Position[]) => lookOrProject(() => reached(positions, options));
  return {
    config,
    log,
    views,
    queries: createQueries({ views, clock: processTime().now }),
    async refresh() {
      if (!(await log.served())) await renewOutdated(log, views);
      await warnUnless(hasAll());
    },
    hasAll,
    caughtUp: (positions) => warnUnless(haveReached(positions)),
    reached: haveReached,
  };
}

/** Where no server does it, read models that an older version has made are rebuilt here. */
async function renewOutdated(log: Log, views: Views): Promise<void> {
  for (const projection of projections) {
    const { name } = projection.definition;
    if (!(await views.isOutdated(name))) continue;
    const onProgress = progressOf(`rebuilding ${name}`);
    await rebuild(projection, { log, views, onProgress });
    clearProgress();
  }
}
