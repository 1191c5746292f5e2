// A dispatcher as a process has it, on a log of its own, and what it has made of it.

import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { createDestinations } from '../../src/destinations.ts';
import { type Dispatcher, startDispatcher } from '../../src/dispatch/dispatcher.ts';
import { createSender } from '../../src/dispatch/send.ts';
import { createTransport } from '../../src/dispatch/transport.ts';
import {
  type EndpointCreated,
  type HooklaneEvent,
  type OrganizationEvent,
  type OutboundEvent,
  UNKEYED,
} from '../../src/events.ts';
import { newId, type OrganizationId } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { processTime } from '../../src/time.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { endpointCreated, organizationCreated, organizationId } from './story.ts';

export const secrets = createSecretBox([Buffer.alloc(32, 1)]);
const logger = pino({ level: 'silent' });

export function configured(
  url: string,
  settings: Partial<EndpointCreated> = {},
  of: OrganizationId = organizationId,
): HooklaneEvent[] {
  const secret = secrets.seal(newSigningSecret());
  return [
    { ...organizationCreated(), organizationId: of, secret: secrets.seal('orgs_1') },
    endpointCreated({ organizationId: of, url, secret, ...settings }),
  ];
}

export function published(to: OrganizationId = organizationId, kind = 'log.created'): OrganizationEvent {
  const ids = { eventId: newId('evt'), organizationId: to };
  return {
    type: 'EventPublished',
    ...ids,
    atMs: Date.now(),
    kind,
    data: '{"a":1}',
    ...UNKEYED,
  };
}

/**
 * A process: its log and its dispatcher, which lets quiet lanes go as soon as it may. `seen` is told how many events it asks for,
 * `recalled` which lanes, `committed` what comes of a turn.
 */
export function start(
  directory: string,
  seen: (max: number) => void = () => {},
  recalled: (keys: readonly string[]) => void = () => {},
  committed: (out: readonly HooklaneEvent[]) => void = () => {},
): {
  log: Log;
  dispatcher: Dispatcher;
  stop(withinMs?: number): Promise<void>;
} {
  const log = openSqliteLog({ directory, serve: true });
  const time = processTime();
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: ['127.0.0.0/8'] });
  const transport = createTransport(destinations);
  const sender = createSender({ secrets, time, transport, destinations });
  const limits = { skewMs: 0, disableAfterMs: Number.POSITIVE_INFINITY };
  const join: Log['join'] = (group, topic, work) =>
    log.join(group, topic, (partition) => {
      const next = (max: number) => {
        seen(max);
        return partition.next(max);
      };
      const commit = (out: readonly HooklaneEvent[], upTo: number) => {
        committed(out);
        return partition.commit(out, upTo);
      };
      return work({ ...partition, next, commit });
    });
  const latest: Log['latest'] = async (partition, keys) => {
    recalled(keys);
    return (await log.latest?.(partition, keys)) ?? [];
  };
  const watched = { join, read: log.read, latest };
  const dispatcher = startDispatcher({ log: watched, sender, time, logger, ...limits, quietLanes: 0 });
  const stop = async (withinMs = 5_000) => {
    await dispatcher.close(withinMs);
    await log.close();
  };
  return { log, dispatcher, stop };
}

export async function outbound(log: Log): Promise<OutboundEvent[]> {
  const events: OutboundEvent[] = [];
  for await (const batch of log.read('outbound')) events.push(...batch.events.map(({ event }) => event));
  return events;
}

export async function typesWhen(log: Log, count: number): Promise<string[]> {
  const events = await waitFor(`${count} outbound events`, async () => {
    const found = await outbound(log);
    return found.length >= count && found;
  });
  return events.map(({ type }) => type);
}

export function startFor(t: TestContext) {
  const running = start(temporaryDirectory(t));
  t.after(() => running.stop());
  return running;
}

/** When the requests left that were answered well. */
export function startsIn(events: readonly OutboundEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'WebhookProcessed' ? [event.startedAtMs] : []));
}
