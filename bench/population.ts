// Many organizations at once, for measures: as if each had been made by the API, but appended to the log in batches. And
// knowing when all that is in the log has been worked off, so that what follows is measured alone.

import type { EndpointCreated, HooklaneEvent } from '../src/events.ts';
import { newId, type OrganizationId } from '../src/ids.ts';
import type { Log } from '../src/log/log.ts';
import { projections } from '../src/projections/all.ts';
import { reachedEnd } from '../src/projections/reached.ts';
import { hashToken, newSigningSecret, newToken, type SecretBox } from '../src/secrets.ts';
import type { Views } from '../src/views/views.ts';

/** Events an append. */
const BATCH = 5_000;
const LONG_MS = 600_000;

/** An organization with one integration, which has no limits, and one endpoint. */
export interface Inhabitant {
  organizationId: OrganizationId;
  endpointId: string;
  /** Of its integration. */
  token: string;
}

export interface PopulationOptions {
  log: Pick<Log, 'append'>;
  secrets: Pick<SecretBox, 'seal'>;
  count: number;
  /** Where the webhooks of number `index` go. */
  url: (index: number) => string;
  settings: Pick<EndpointCreated, 'gapMs' | 'whenBusy' | 'maxQueued' | 'events'>;
  /** Which ids may be taken; default: all. */
  accepts?: (organizationId: OrganizationId) => boolean;
}

/** Appends the organizations; resolves once they are durable. */
export async function populate(options: PopulationOptions): Promise<Inhabitant[]> {
  const { log, secrets, count, url, settings, accepts = () => true } = options;
  const made: Inhabitant[] = [];
  let events: HooklaneEvent[] = [];
  const flush = async () => {
    await log.append(events);
    events = [];
  };
  while (made.length < count) {
    const atMs = Date.now();
    const organizationId = newId('org', atMs);
    if (!accepts(organizationId)) continue;
    const ids = { organizationId, atMs, by: 'root' } as const;
    const projectId = newId('prj', atMs);
    const endpointId = newId('ep', atMs);
    const token = newToken('ints');
    const name = `bench ${organizationId}`;
    events.push(
      { type: 'OrganizationCreated', ...ids, name, secret: secrets.seal(newToken('orgs')) },
      { type: 'ProjectCreated', ...ids, projectId, name },
      {
        type: 'IntegrationCreated',
        ...ids,
        projectId,
        integrationId: newId('int', atMs),
        name,
        tokenHash: hashToken(token),
        origins: [],
        burst: null,
        sustained: null,
        status: 'active',
      },
      {
        type: 'EndpointCreated',
        ...ids,
        endpointId,
        url: url(made.length),
        ...settings,
        timeoutMs: 5_000,
        retriesMs: [],
        status: 'active',
        disabledReason: null,
        secret: secrets.seal(newSigningSecret()),
      },
    );
    made.push({ organizationId, endpointId, token });
    if (events.length >= BATCH) await flush();
  }
  await flush();
  return made;
}

/** Resolves once recorder, dispatcher and read models have worked off all that is in the log. */
export async function atRest(log: Log, views: Views): Promise<void> {
  await workedOff(log, 'recorder', 'inbound');
  await workedOff(log, 'dispatcher', 'organizations');
  if (!(await reachedEnd(log, { views, projections, withinMs: LONG_MS })))
    throw new Error('the read models are not where the log is, after ten minutes');
}

/**
 * Resolves once a group has worked its topic off. On Kafka a position may stop before marks of transactions, behind which no
 * event comes: so what stands there is looked at.
 */
export async function workedOff(
  log: Pick<Log, 'ends' | 'positions' | 'read'>,
  group: 'recorder' | 'dispatcher',
  topic: 'inbound' | 'organizations',
): Promise<void> {
  for (;;) {
    const positions = await log.positions(group, topic);
    const ends = await log.ends(topic);
    const isAtEnd = ends.every((end, partition) => (positions[partition] ?? 0) >= end);
    if (isAtEnd || !(await hasEvents(log, topic, positions))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function hasEvents(
  log: Pick<Log, 'read'>,
  topic: 'inbound' | 'organizations',
  from: readonly number[],
): Promise<boolean> {
  for await (const { events } of log.read(topic, { from, batch: 1 })) if (events.length > 0) return true;
  return false;
}
