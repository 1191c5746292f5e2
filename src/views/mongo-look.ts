// What can be told of a MongoDB server and of the read models on it without changing anything there. The client comes
// from mongo.ts, which alone knows the driver.

import { whyTooOld } from './mongo-server.ts';
import { ViewsRefused } from './views.ts';

/** What is used of a database of the driver. */
interface Database {
  command(command: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** Throws ViewsRefused for a server that is too old, with its database `admin`. */
export async function checkVersion(admin: Database): Promise<string> {
  const { version } = await admin.command({ buildInfo: 1 });
  const refusal = whyTooOld(String(version));
  if (refusal !== undefined) throw new ViewsRefused(refusal);
  return String(version);
}
