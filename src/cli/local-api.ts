// The API of commands over the stores of the data directory, beside a running server or without one.

import { type Administrator, createAdministration } from '../command/admin/administrator.ts';
import { perform } from '../command/admin/perform.ts';
import { recoverMissed } from '../command/admin/recover.ts';
import { retryWebhooks } from '../command/admin/retry.ts';
import { type Directory, openDirectory } from '../command/directory.ts';
import { createKeyRing, type KeyRing } from '../command/key-ring.ts';
import { createOnce } from '../command/once.ts';
import { createScrubber, type Scrubber } from '../command/scrub.ts';
import { destinationRules } from '../config.ts';
import { createDestinations } from '../destinations.ts';
import { keptKeyFile, loadKeys, openSecretBox } from '../keys.ts';
import { projectionsOf } from '../projections/all.ts';
import { replay } from '../projections/replay.ts';
import { tail } from '../query/tail.ts';
import type { SecretBox } from '../secrets.ts';
import { processTime } from '../time.ts';
import { exportOrganization } from '../transfer/export.ts';
import type { Api } from './api.ts';
import { ensureKeysFit } from './master-key.ts';
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

function localApi(stores: Stores, { opened }: Administration): Api {
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
      const { administrator, scrubber } = await opened();
      return (await perform(operation, { administrator, once, scrubber })).answer;
    },
    async retry(ids) {
      // All are looked up before the first is tried: a wrong id changes nothing.
      const webhooks = await Promise.all(ids.map((id) => queries.retryable(id)));
      const { administrator } = await opened();
      return administrator.run((context) => retryWebhooks(context, webhooks));
    },
    async recover(missed) {
      await stores.refresh();
      const { administrator } = await opened();
      return recoverMissed({ queries, administrator }, missed);
    },
    served: () => log.served(),
    tail: (what, signal) => tail(what, { log, queries, reached: stores.reached, signal }),
    replay({ views: named, verify }, io) {
      return replay(projectionsOf(named), { log, views: stores.views, verify, time: processTime(), ...io });
    },
    async *export(organization, { onProgress }) {
      const { secrets } = await opened();
      const source = { log, masterKeyId: secrets.keyId };
      return yield* exportOrganization({ ...source, organization, nowMs: Date.now(), onProgress });
    },
    keys: {
      list: async () => (await opened()).keys.list(),
      make: async () => (await opened()).keys.make(),
      reseal: async () => (await opened()).keys.reseal(),
      remove: async (id) => (await opened()).keys.remove(id),
    },
  };
}

/** Who decides changes: only where something is to be changed, as he reads all that there is first. */
interface Administration {
  opened(): Promise<Opened>;
  close(): Promise<void>;
}

interface Opened {
  directory: Directory;
  administrator: Administrator;
  secrets: SecretBox;
  scrubber: Scrubber;
  keys: KeyRing;
}

function administrationOf({ config, log, caughtUp }: Stores): Administration {
  let opened: Promise<Opened> | undefined;

  async function open(): Promise<Opened> {
    const secrets = openSecretBox(config, loadKeys(config).masterKeys);
    const directory = await openDirectory({ log });
    try {
      return decideBy(directory, secrets);
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  /** Throws SecretUnreadable. */
  function decideBy(directory: Directory, secrets: SecretBox): Opened {
    const clock = processTime().now;
    ensureKeysFit(directory, secrets, clock());
    const scrubber = createScrubber(config.scrub);
    const administration = createAdministration({
      log,
      directory,
      secrets,
      clock,
      settings: {
        ...config,
        destinations: createDestinations(destinationRules(config)),
        scrubber,
      },
      caughtUp: (position) => caughtUp([position]),
    });
    const administrator = administration.for(operator());
    const keys = createKeyRing({
      ...{ log, directory, administrator, secrets, clock },
      file: keptKeyFile(config),
      isCluster: config.log !== 'sqlite',
      isServing: false,
    });
    return { directory, administrator, secrets, scrubber, keys };
  }

  return {
    opened() {
      opened ??= open();
      return opened;
    },
    async close() {
      // That it could not be opened was told to who asked for it.
      const found = await opened?.catch(() => undefined);
      await found?.directory.close();
    },
  };
}
