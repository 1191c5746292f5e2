// How long a start takes, from the spawn of the process to the first 200 of /readyz: on an empty store, with a million
// events in the log, which all have been worked off, and among 100,000 organizations.

import { rmSync } from 'node:fs';
import { loadConfig } from '../src/config.ts';
import { type HooklaneEvent, type LogReceived, UNKEYED } from '../src/events.ts';
import { derivedId, newId, type OrganizationId, siblingId } from '../src/ids.ts';
import type { Log } from '../src/log/log.ts';
import { openLog } from '../src/open.ts';
import { record } from '../src/record/record.ts';
import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { idleBytes, inhabit } from './inhabited.ts';
import { errorPayload } from './payload.ts';
import { startHooklane, temporaryDirectory } from './processes.ts';
import { type Measure, spreadOf } from './rows.ts';

const STARTS = 5;

/** On an empty store, the median of five. */
export async function measureStart(site: Site): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const seconds: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    const directory = temporaryDirectory();
    seconds.push(await startSeconds(site, directory));
    rmSync(directory, { recursive: true });
  }
  const { value } = spreadOf(seconds);
  return [{ name: 'start to ready, empty store', value, unit: 's', aim: { most: 0.5 } }];
}

const EVENTS = 1_000_000;
const ORGANIZATIONS = 1_000;

/** With a million events in the log, the median of five. */
export async function measureStartFull(site: Site, asked: Asked): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const directory = temporaryDirectory();
  const { environment, made } = await inhabit(site, directory, ORGANIZATIONS);
  const events = asked.count(EVENTS);
  await fill(environment, { events, made });
  // Once, so that read models are made of it.
  await inhabit(site, directory, 0);
  const seconds: number[] = [];
  for (let n = 0; n < STARTS; n++) seconds.push(await startSeconds(site, directory));
  rmSync(directory, { recursive: true });
  const name = `start to ready, ${events.toLocaleString('en')} events in the log`;
  return [{ name, value: spreadOf(seconds).value, unit: 's', aim: { most: 2 } }];
}

const MANY = 100_000;

/** Among 100,000 organizations with an integration and an endpoint each, the median of five; and what of it is resident when it is idle. */
export async function measureStartMany(site: Site, asked: Asked): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const directory = temporaryDirectory();
  const count = asked.count(MANY);
  await inhabit(site, directory, count);
  const seconds: number[] = [];
  for (let n = 0; n < STARTS; n++) seconds.push(await startSeconds(site, directory));
  const bytes = await idleBytes(site, directory);
  rmSync(directory, { recursive: true });
  const among = `among ${count.toLocaleString('en')} organizations`;
  const rows: Measure[] = [{ name: `start to ready, ${among}`, value: spreadOf(seconds).value, unit: 's' }];
  if (bytes !== undefined)
    rows.push({ name: `server ${among}, resident`, value: bytes / 2 ** 20, unit: 'MiB' });
  return rows;
}

async function startSeconds(site: Site, directory: string): Promise<number> {
  const startedMs = performance.now();
  const hooklane = await startHooklane(site, { directory });
  for (;;) {
    const { status } = await fetch(`http://127.0.0.1:${hooklane.port}/readyz`);
    if (status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  await hooklane.stop();
  return seconds;
}

interface Fill {
  /** How many to append, five a post. */
  events: number;
  made: readonly { organizationId: OrganizationId; endpointId: string }[];
}

const BATCH = 5_000;

/** Appends what posts become that are recorded and delivered, and lets the groups have worked it off. */
async function fill(environment: Record<string, string>, { events, made }: Fill): Promise<void> {
  const log = await openLog(loadConfig(environment), { serve: true });
  const body = Buffer.from(errorPayload(1));
  let batch: HooklaneEvent[] = [];
  for (let n = 0; n < events / 5; n++) {
    const { organizationId, endpointId } = made[n % made.length] ??
      made[0] ?? { organizationId: 'org_', endpointId: '' };
    batch.push(...lifeOf(organizationId, { endpointId, body, atMs: Date.now(), offset: n }));
    if (batch.length < BATCH) continue;
    await log.append(batch);
    batch = [];
  }
  await log.append(batch);
  await takeAsWorkedOff(log, 'recorder', 'inbound');
  await takeAsWorkedOff(log, 'dispatcher', 'organizations');
  await log.close();
}

interface Post {
  endpointId: string;
  body: Buffer;
  atMs: number;
  offset: number;
}

/** The events of one post that is delivered. */
function lifeOf(
  organizationId: OrganizationId,
  { endpointId: id, body, atMs, offset }: Post,
): HooklaneEvent[] {
  const endpointId = `ep_${id.slice(3)}` as const;
  const ids = { projectId: newId('prj', atMs), integrationId: newId('int', atMs) };
  const received: LogReceived = {
    type: 'LogReceived',
    id: newId('in', atMs),
    organizationId,
    ...ids,
    receivedAtMs: atMs,
    headers: {},
    body,
    imported: false,
    ...UNKEYED,
  };
  const eventId = siblingId('evt', received.id);
  const webhookId = derivedId('wh', atMs, `${eventId} ${endpointId}`);
  const webhook = { webhookId, organizationId, endpointId, atMs };
  const attempt = { ...webhook, attempt: 1 };
  const outcome = { startedAtMs: atMs, durationMs: 5, responseCode: 200, responseBody: 'ok' };
  return [
    received,
    record(received, { nowMs: atMs, partition: 0, offset }),
    { type: 'WebhookScheduled', ...webhook, eventId, kind: 'log.created', dueAtMs: atMs, digest: null },
    { type: 'AttemptStarted', ...attempt, startsAtMs: null, host: 'hooks.example.com' },
    { type: 'WebhookProcessed', ...attempt, ...outcome },
  ];
}

async function takeAsWorkedOff(
  log: Log,
  group: 'recorder' | 'dispatcher',
  topic: 'inbound' | 'organizations',
): Promise<void> {
  const ends = await log.ends(topic);
  let left = log.partitions;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const membership = log.join(group, topic, async (partition) => {
    await partition.commit([], ends[partition.index] ?? 0);
    if (--left === 0) resolve();
  });
  await Promise.race([done, membership.ended.then(() => done)]);
  await membership.close();
}
