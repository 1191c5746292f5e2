// A directory with many organizations that are quiet: made once, for servers that start with it.

import type { Site } from './deployment.ts';
import { atRest, type Inhabitant, populate } from './population.ts';
import { startHooklane } from './processes.ts';
import { openBeside, residentBytes } from './through.ts';

interface Inhabited {
  environment: Record<string, string>;
  made: Inhabitant[];
}

/** Makes so many organizations in the directory, to none of which anything was sent, and has all in its log worked off. */
export async function inhabit(site: Site, directory: string, count: number): Promise<Inhabited> {
  const hooklane = await startHooklane(site, { directory });
  const stores = await openBeside(hooklane);
  const made = await populate({
    ...stores,
    count,
    url: (index) => `https://hooks${index}.example.com/hooklane`,
    settings: { gapMs: 5_000, whenBusy: 'omit', maxQueued: 100, events: ['log.*'] },
  });
  await atRest(stores.log, stores.views);
  await stores.close();
  await hooklane.stop();
  return { environment: hooklane.environment, made };
}

/** For how long a server is left alone: it gives back what its start took, as it looks every 10 s (src/cli/idle-memory.ts). */
const IDLE_MS = 30_000;

/** What of a server that was started with the directory is in memory once it is idle; undefined where there is no /proc. */
export async function idleBytes(site: Site, directory: string): Promise<number | undefined> {
  const hooklane = await startHooklane(site, { directory });
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const bytes = residentBytes(hooklane.pid);
  await hooklane.stop();
  return bytes;
}
