// The API of commands over the stores of the data directory, beside a running server or without one.

import { type Administrator, createAdministration } from '../command/admin/administrator.ts';
import { perform } from '../command/admin/perform.ts';
import { recoverMissed } from '../command/admin/recover.ts';
import { retryWebhooks } from '../command/admin/retry.ts';
import { type Directory, openDirectory } from '../command/directory.ts';
import { createOnce } from '../command/once.ts';
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
import { operator } from './operator.ts';
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
  const { log, views, queries } = stores;
  return {
    list: queries.list,
    groups: queries.groups,
    stats: queries.stats,
    audit: queries.audit,
    show: queries.show,
    resolve: queries.resolve,
    async perform(operation) {
      const once = createOnce({ views, caughtUp: stores.hasAll, time: processTime() });
      return (await perform(operation, { administrator: await administrator(), once })).answer;
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
    const administration = createAdministration({
      log,
      directory,
      secrets,
      clock: processTime().now,
      settings: { ...config, destinations: createDestinations(destinationRules(config)) },
      caughtUp: (position) => caughtUp([position]),
    });
    return { directory, administrator: administration.for(operator()) };
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
