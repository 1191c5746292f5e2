// What commands work with: log and read models, opened beside a running server or without one. Who asks is shown all
// that was in the log when the command began, also what the command before it has written.

import { type Administrator, createAdministrator } from '../command/admin/administrator.ts';
import { openDirectory } from '../command/directory.ts';
import { type Config, destinationRules, loadConfig } from '../config.ts';
import { createDestinations } from '../destinations.ts';
import { loadKeys } from '../keys.ts';
import type { Log, Position } from '../log/log.ts';
import { openLog, openViews } from '../open.ts';
import { projections } from '../projections/all.ts';
import { projectToEnd } from '../projections/projector.ts';
import { reached, reachedEnd } from '../projections/reached.ts';
import { createQueries, type Queries } from '../query/queries.ts';
import { createSecretBox } from '../secrets.ts';
import { processTime } from '../time.ts';
import type { Views } from '../views/views.ts';
import { ensureKeyFits } from './master-key.ts';
import { note } from './output.ts';

export interface Stores {
  config: Config;
  log: Log;
  views: Views;
  queries: Queries;
  /** Waits until the read models have what stands at these positions; projects it where nobody else does. */
  caughtUp(positions: readonly Position[]): Promise<void>;
}

/** How long a command waits for the server to keep its read models up. */
const CAUGHT_UP_WITHIN_MS = 3_000;

/** Runs `work` with the stores of the configured data directory, caught up with the log, and closes them. */
export async function withStores<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
  const config = loadConfig(process.env);
  const log = await openLog(config, { serve: false });
  try {
    const views = await openViews(config);
    try {
      const stores = createStores(config, log, views);
      if (await log.served())
        await warnUnless(reachedEnd(log, { views, projections, withinMs: CAUGHT_UP_WITHIN_MS }));
      else await projectToEnd({ log, views, projections });
      return await work(stores);
    } finally {
      await views.close();
    }
  } finally {
    await log.close();
  }
}

function createStores(config: Config, log: Log, views: Views): Stores {
  return {
    config,
    log,
    views,
    queries: createQueries({ views, clock: processTime().now }),
    async caughtUp(positions) {
      if (!(await log.served())) await projectToEnd({ log, views, projections });
      else await warnUnless(reached(positions, { views, projections, withinMs: CAUGHT_UP_WITHIN_MS }));
    },
  };
}

async function warnUnless(inTime: Promise<boolean>): Promise<void> {
  if (!(await inTime)) note('The read models lag behind the log: the newest may be missing here.');
}

export interface AdminStores extends Stores {
  administrator: Administrator;
}

/** As withStores(), with who decides changes. */
export async function withAdministrator<T>(work: (stores: AdminStores) => Promise<T>): Promise<T> {
  return withStores(async (stores) => {
    const { config, log } = stores;
    const secrets = createSecretBox(loadKeys(config).masterKey);
    await ensureKeyFits(log, secrets);
    const directory = await openDirectory({ log });
    try {
      const administrator = createAdministrator({
        log,
        directory,
        secrets,
        clock: processTime().now,
        settings: { ...config, destinations: createDestinations(destinationRules(config)) },
        caughtUp: (position) => stores.caughtUp([position]),
      });
      return await work({ ...stores, administrator });
    } finally {
      await directory.close();
    }
  });
}
