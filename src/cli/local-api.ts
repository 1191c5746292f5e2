// The API of commands over the stores of the data directory, beside a running server or without one.

import { type Administrator, createAdministrator } from '../command/admin/administrator.ts';
import { decide } from '../command/admin/operations.ts';
import { recoverMissed } from '../command/admin/recover.ts';
import { retryWebhooks } from '../command/admin/retry.ts';
import { type Directory, openDirectory } from '../command/directory.ts';
import { createScrubber } from '../command/scrub.ts';
import { destinationRules } from '../config.ts';
import { createDestinations } from '../destinations.ts';
import { loadKeys } from '../keys.ts';
import { projectionsOf } from '../projections/all.ts';
import { replay } from '../projections/replay.ts';
import { tail } from '../query/tail.ts';
import { createSecretBox } from '../secrets.ts';
import { processTime } from '../time.ts';
import { exportOrganization } from '../transfer/export.ts';
import type { Api } from './api.ts';
import { ensureKeyFits } from './master-key.ts';
import { type Stores, withStores } from './stores.ts';

export async function withLocalApi<T>(work: (api: Api) => Promise<T>): Promise<T> {
  return withStores(async (stores) => {
    const administration = administrationOf(stores);
    try {
      return await work(localApi(stores, administration));
    } finally {
      await administration.close();
    }
  });
}

function localApi(stores: Stores, { administrator }: Administration): Api {
  const { log, queries } = stores;
  return {
    list: queries.list,
    groups: queries.groups,
    stats: queries.stats,
    show: queries.show,
    resolve: queries.resolve,
    async perform(operation) {
      return (await administrator()).run((context) => decide(context, operation));
    },
    async retry(ids) {
      // All are looked up before the first is tried: a wrong id changes nothing.
      const webhooks = await Promise.all(ids.map((id) => queries.retryable(id)));
      return (await administrator()).run((context) => retryWebhooks(context, webhooks));
    },
    async recover(missed) {
      await stores.refresh();
      return recoverMissed({ queries, administrator: await administrator() }, missed);
    },
    served: () => log.served(),
    tail: (what, signal) => tail(what, { log, queries, reached: stores.reached, signal }),
    replay({ views: named, verify }, io) {
      return replay(projectionsOf(named), { log, views: stores.views, verify, time: processTime(), ...io });
    },
    async *export(organization, { onProgress }) {
      const secrets = createSecretBox(loadKeys(stores.config).masterKey);
      await ensureKeyFits(log, secrets);
      const source = { log, masterKeyId: secrets.keyId };
      return yield* exportOrganization({ ...source, organization, nowMs: Date.now(), onProgress });
    },
  };
}

/** Who decides changes: only where something is to be changed, as he reads all that there is first. */
interface Administration {
  administrator(): Promise<Administrator>;
  close(): Promise<void>;
}

function administrationOf({ config, log, caughtUp }: Stores): Administration {
  let opened: Promise<{ directory: Directory; administrator: Administrator }> | undefined;

  async function open() {
    const secrets = createSecretBox(loadKeys(config).masterKey);
    await ensureKeyFits(log, secrets);
    const directory = await openDirectory({ log });
    const administrator = createAdministrator({
      log,
      directory,
      secrets,
      clock: processTime().now,
      settings: {
        ...config,
        destinations: createDestinations(destinationRules(config)),
        scrubber: createScrubber(config.scrub),
      },
      caughtUp: (position) => caughtUp([position]),
    });
    return { directory, administrator };
  }

  return {
    async administrator() {
      opened ??= open();
      return (await opened).administrator;
    },
    async close() {
      // That it could not be opened was told to who asked for it.
      const found = await opened?.catch(() => undefined);
      await found?.directory.close();
    },
  };
}
