// What moves in the tests of moving: an organization with something in every state, worked off by the real recorder
// and dispatcher on a real log, for real receivers.

import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { createDestinations } from '../../src/destinations.ts';
import { startDispatcher } from '../../src/dispatch/dispatcher.ts';
import { createSender } from '../../src/dispatch/send.ts';
import { createTransport } from '../../src/dispatch/transport.ts';
import {
  type EventPublished,
  type HooklaneEvent,
  type LogReceived,
  type OutboundEvent,
  type Topic,
  UNKEYED,
} from '../../src/events.ts';
import { newId, type OrganizationId } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { projections } from '../../src/projections/all.ts';
import { projectToEnd } from '../../src/projections/projector.ts';
import { startRecorder } from '../../src/record/recorder.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { processTime } from '../../src/time.ts';
import { exportOrganization } from '../../src/transfer/export.ts';
import { importOrganization } from '../../src/transfer/import.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import {
  endpointCreated,
  integrationCreated,
  organizationCreated,
  projectCreated,
} from '../projections/facts.ts';
import { everything } from '../projections/stores.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';

export const secrets = createSecretBox([Buffer.alloc(32, 1)]);
const logger = pino({ level: 'silent' });
const time = processTime();
export const organizationId = newId('org');
const integrationId = newId('int');
const projectId = newId('prj');
const ids = { organizationId, projectId, integrationId };

/** A log on SQLite in a directory of its own, closed after the test. */
export function sqliteLog(t: TestContext, partitions = 1): Log {
  let log: Log | undefined;
  t.after(() => log?.close());
  log = openSqliteLog({ directory: temporaryDirectory(t), partitions, serve: true });
  return log;
}

/** Works a log off. */
export function serve(log: Log, box = secrets) {
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: ['127.0.0.0/8'] });
  const sender = createSender({ secrets: box, time, transport: createTransport(destinations), destinations });
  const limits = { skewMs: 0, disableAfterMs: Number.POSITIVE_INFINITY };
  const dispatcher = startDispatcher({ log, sender, time, logger, ...limits });
  const recorder = startRecorder({ log, time, logger });
  return {
    stopDispatcher: () => dispatcher.close(5_000),
    stopRecorder: () => recorder.close(),
    async stop() {
      await recorder.close();
      await dispatcher.close(5_000);
    },
  };
}

export function posted(message: string): LogReceived {
  const body = Buffer.from(JSON.stringify({ message }));
  const received = { receivedAtMs: Date.now(), headers: {}, body, imported: false, ...UNKEYED };
  return { type: 'LogReceived', id: newId('in'), ...ids, ...received };
}

export function published(kind: string, data = '{}'): EventPublished {
  return {
    type: 'EventPublished',
    eventId: newId('evt'),
    organizationId,
    atMs: Date.now(),
    kind,
    data,
    ...UNKEYED,
  };
}

/** All events of a topic. */
export async function eventsIn<T extends Topic>(log: Log, topic: T): Promise<HooklaneEvent[]> {
  const events: HooklaneEvent[] = [];
  for await (const batch of log.read(topic)) events.push(...batch.events.map(({ event }) => event));
  return events;
}

/** Each outbound webhook with its last event, as soon as there are `count` outbound events. */
export async function outboundWhen(log: Log, count: number): Promise<OutboundEvent[]> {
  return waitFor(`${count} outbound events`, async () => {
    const events = await eventsIn(log, 'outbound');
    return events.length >= count && (events as OutboundEvent[]);
  });
}

const HOUR_MS = 3_600_000;

/**
 * A log in which something is in every state: delivered, omitted, queued behind a gap of an hour, waiting for a retry,
 * gathered for a digest; two triggers that the dispatcher has not taken in, and two posts that nobody has recorded.
 */
export async function livedThrough(t: TestContext, log: Log) {
  const good = await startReceiver(t);
  const bad = await startReceiver(t, (response) => void response.writeHead(500).end());
  const endpoint = (url: string, settings: object) =>
    endpointCreated({
      organizationId,
      endpointId: newId('ep'),
      url,
      secret: secrets.seal(newSigningSecret()),
      events: ['*'],
      gapMs: HOUR_MS,
      ...settings,
    });
  const queue = endpoint(good.url, { whenBusy: 'queue' });
  const failing = endpoint(bad.url, { whenBusy: 'omit', gapMs: 0, retriesMs: [HOUR_MS] });
  const digest = endpoint(good.url, { whenBusy: 'digest' });
  await log.append([
    organizationCreated({ organizationId, secret: secrets.seal('orgs_1') }),
    projectCreated({ organizationId, projectId }),
    integrationCreated({ ...ids, tokenHash: 'hash of a token' }),
    { ...organizationCreated({ organizationId: OTHER }), secret: secrets.seal('orgs_2') },
  ]);
  await log.append([queue, failing, digest]);
  const system = serve(log);
  await log.append([posted('first')]);
  // Scheduled three times; started and ended three times.
  await outboundWhen(log, 9);
  await log.append([posted('second'), published('order.paid', '{"total":12}')]);
  // Of each one queued, one failed, one omitted for the digest.
  await outboundWhen(log, 9 + 2 * (1 + 3 + 1));
  await system.stopDispatcher();
  const recorded = (await eventsIn(log, 'organizations')).length;
  await log.append([posted('third'), { ...posted('of others'), organizationId: OTHER }]);
  await waitFor(
    'it to be recorded',
    async () => (await eventsIn(log, 'organizations')).length === recorded + 2,
  );
  await log.append([published('order.sent')]);
  await system.stopRecorder();
  await log.append([posted('fourth'), posted('fifth')]);
  return { good, bad, queue, failing, digest };
}

/** Lives in the same log, and stays there. */
export const OTHER: OrganizationId = newId('org');

/** Exports into a file; its path. */
export async function exported(t: TestContext, log: Log, nowMs = Date.now()): Promise<string> {
  const path = join(temporaryDirectory(t), 'export.ndjson');
  const organization = { id: organizationId, name: 'acme' };
  const options = { log, organization, masterKeyId: secrets.keyId, nowMs };
  await pipeline(exportOrganization(options), createWriteStream(path));
  return path;
}

export async function imported(
  path: string,
  log: Pick<Log, 'partitions' | 'read' | 'append' | 'served'>,
  box = secrets,
) {
  const options = { log, path, secrets: box, nowMs: Date.now(), runId: randomUUID(), by: 'root' };
  return importOrganization(options);
}

/**
 * All documents that are made of a log, of this organization alone. Groups of logs note how far they have counted in this
 * log (`seen`), and the audit where its events stand, and that there was an import: nothing of that moves.
 */
export async function documentsOf(t: TestContext, log: Log): Promise<Record<string, string[]>> {
  const definitions = projections.map(({ definition }) => definition);
  const views = openSqliteViews({ directory: temporaryDirectory(t), definitions });
  try {
    await projectToEnd({ log, views, projections });
    const all = Object.entries(await everything(views)).map(([view, texts]) => [
      view,
      texts
        .filter((text) => text.includes(organizationId) && !text.includes('"organization import '))
        .map((text) => text.replace(/,"seen":\{[^}]*\}|"id":"aud_\w+",/, '')),
    ]);
    return Object.fromEntries(all);
  } finally {
    await views.close();
  }
}

export async function textOf(path: string): Promise<string> {
  let text = '';
  for await (const chunk of createReadStream(path, 'utf8')) text += chunk;
  return text;
}
