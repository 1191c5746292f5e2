// What can be told of a MongoDB server and of the read models on it without changing anything there. The client comes
// from mongo.ts, which alone knows the driver.

import type { CatalogueEntry } from './mongo-catalogue.ts';
import { databaseIn, whileOpening, whyTooOld } from './mongo-server.ts';
import { type ViewsLook, ViewsRefused } from './views.ts';

/** What is used of a database of the driver. */
interface Database {
  command(command: Record<string, unknown>): Promise<Record<string, unknown>>;
}

interface Client {
  options: { hosts: { toString(): string }[] };
  db(name: string): Database & {
    collection(name: string): { find(filter: object): { toArray(): Promise<object[]> } };
  };
  close(): Promise<void>;
}

/** Throws ViewsRefused for a server that is too old, with its database `admin`. */
export async function checkVersion(admin: Database): Promise<string> {
  const { version } = await admin.command({ buildInfo: 1 });
  const refusal = whyTooOld(String(version));
  if (refusal !== undefined) throw new ViewsRefused(refusal);
  return String(version);
}

/** Connects, looks, and closes the client. Rejects with ViewsRefused. */
export async function lookAtMongo(url: string, connect: (url: string) => Client): Promise<ViewsLook> {
  const client = connect(url);
  try {
    const version = await checkVersion(client.db('admin'));
    const { localTime } = await client.db('admin').command({ hello: 1 });
    const entries = (await client
      .db(databaseIn(url))
      .collection('views')
      .find({})
      .toArray()) as CatalogueEntry[];
    return {
      versions: new Map(entries.map(({ _id, version: stored }) => [_id, stored])),
      server: `MongoDB ${version}`,
      serverAtMs: localTime instanceof Date ? localTime.getTime() : undefined,
    };
  } catch (error) {
    throw whileOpening(error, client.options.hosts.join(','));
  } finally {
    await client.close();
  }
}
