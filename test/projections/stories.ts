// What became of posts, hours apart: histories with ids as old as their events.

import fc from 'fast-check';
import type { HooklaneEvent } from '../../src/events.ts';
import { leastId } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import * as facts from './facts.ts';

export const HOUR_MS = 3_600_000;

/** What became of one post: received `hours` after the start, sent `later` hours after that, answered `late` after that. */
export interface Story {
  n: number;
  hours: number;
  later: number;
  late: number;
}

export const stories: fc.Arbitrary<Story[]> = fc
  .array(fc.record({ hours: fc.nat({ max: 60 }), later: fc.nat({ max: 20 }), late: fc.nat({ max: 30 }) }), {
    minLength: 1,
    maxLength: 25,
  })
  .map((all) => all.map((one, n) => ({ ...one, n })));

export function idAt<P extends 'in' | 'evt' | 'wh'>(prefix: P, hours: number, n: number): `${P}_${string}` {
  return `${leastId(prefix, facts.AT_MS + hours * HOUR_MS)}${String(n).padStart(16, '0')}` as `${P}_${string}`;
}

/** A server's share: as if recorder and dispatcher had read all of it. */
export async function workedOff(log: Log): Promise<void> {
  for (const [group, topic] of [
    ['recorder', 'inbound'],
    ['dispatcher', 'organizations'],
  ] as const) {
    const ends = await log.ends(topic);
    const membership = log.join(group, topic, (partition) =>
      partition.commit([], ends[partition.index] ?? 0),
    );
    await membership.ended;
  }
}

/** In the order of their times, as one process would write them: of two organizations, with three distinct errors each. */
export function eventsOf(all: readonly Story[]): HooklaneEvent[] {
  const told = all.flatMap(({ n, hours, later, late }): [number, HooklaneEvent][] => {
    const [sent, answered] = [hours + later, hours + later + late];
    const at = (hour: number) => ({
      atMs: facts.AT_MS + hour * HOUR_MS,
      organizationId: facts.id('org', n % 2),
    });
    const inboundId = idAt('in', hours, n);
    const eventId = idAt('evt', hours, n);
    const webhook = { webhookId: idAt('wh', sent, n), eventId };
    const logged = {
      inboundId,
      inboundOffset: n,
      fingerprint: `f${n % 3}`,
      message: `boom ${n}`,
      projectId: facts.id('prj', n % 2),
    };
    const receivedAtMs = at(hours).atMs;
    return [
      [hours, facts.logReceived({ id: inboundId, receivedAtMs, ...facts.keyed(n) })],
      [
        hours,
        facts.eventPublished({
          eventId: idAt('evt', hours, n + 1_000),
          ...at(hours),
          ...facts.keyed(n + 1_000),
        }),
      ],
      [sent, facts.logRecorded({ ...logged, ...at(sent), receivedAtMs })],
      [sent, facts.scheduled({ ...webhook, ...at(sent) })],
      [sent, facts.attemptStarted({ ...webhook, ...at(sent) })],
      [answered, facts.attemptFailed({ ...webhook, ...at(answered), responseBody: `answer ${n}` })],
      [answered, facts.retried({ ...webhook, ...at(answered) })],
      [answered, facts.processed({ ...webhook, attempt: 2, ...at(answered), responseBody: `answer ${n}` })],
    ];
  });
  return told.sort(([a], [b]) => a - b).map(([, event]) => event);
}
