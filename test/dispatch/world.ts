// A world of one partition for the crank: turned by hand, and lost whenever a test wants.

import { createCapacity } from '../../src/dispatch/capacity.ts';
import { createCrank } from '../../src/dispatch/crank.ts';
import type { Outcome } from '../../src/dispatch/lane.ts';
import { createLanes, type Lanes } from '../../src/dispatch/lanes.ts';
import type { Request } from '../../src/dispatch/request.ts';
import { createRestoring, type Handover } from '../../src/dispatch/snapshot.ts';
import {
  compactionKeyOf,
  type HooklaneEvent,
  type LaneRecord,
  type OrganizationEvent,
  TOPIC_OF,
  UNKEYED,
} from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { organizationId } from './story.ts';

export const ok: Outcome = {
  startedAtMs: 0,
  durationMs: 1,
  responseCode: 200,
  responseBody: '',
  retryAfterMs: null,
  failure: null,
};

/** The lanes of these records, all read at once. */
export function restore(records: Iterable<LaneRecord>, { nowMs, skewMs }: Handover, quietLanes = 0): Lanes {
  const lanes = createLanes(quietLanes);
  const restoring = createRestoring(lanes, skewMs);
  for (const record of records) restoring.take(record, nowMs);
  restoring.end(nowMs);
  return lanes;
}

export function published(): OrganizationEvent {
  return {
    type: 'EventPublished',
    eventId: newId('evt'),
    organizationId,
    atMs: 0,
    kind: 'log.created',
    data: '{}',
    ...UNKEYED,
  };
}

/**
 * A world of one partition: its topics, and a crank that can be lost and made anew from what was committed. It lets quiet lanes
 * go as soon as it may, and recalls them; Infinity: never.
 */
export function world({
  most = 256,
  mostPerHost = 256,
  disableAfterMs = Number.POSITIVE_INFINITY,
  aheadMs = 0,
  quietLanes = 0,
} = {}) {
  let capacity = createCapacity(most, mostPerHost, most);
  const organizations: OrganizationEvent[] = [];
  const outbound: HooklaneEvent[] = [];
  const lanes = new Map<string, LaneRecord>();
  let crank = createCrank(createLanes(quietLanes), { capacity, disableAfterMs }, 0);
  let taken = 0;

  function commit(): Request[] {
    const { out, requests } = crank.flush();
    for (const event of out) {
      if (TOPIC_OF[event.type] === 'outbound') outbound.push(event);
      else if (event.type === 'PendingDropped') lanes.delete(compactionKeyOf(event));
      else lanes.set(compactionKeyOf(event as LaneRecord), event as LaneRecord);
    }
    return requests;
  }

  return {
    outbound,
    lanes,
    add: (...events: OrganizationEvent[]) => organizations.push(...events),
    /** One turn: takes what was added and the outcomes, starts what is due, commits. */
    turn(nowMs: number, outcomes: [Request, Outcome][] = []): Request[] {
      for (const [request, outcome] of outcomes) {
        capacity.give(request);
        crank.finish(request, outcome, nowMs);
      }
      for (; taken < organizations.length; taken++) {
        const event = organizations[taken] as OrganizationEvent;
        const stored = { topic: 'organizations', partition: 0, offset: taken, event } as const;
        for (const id of crank.absent([stored])) {
          const record = lanes.get(id);
          if (record?.type === 'LaneSaved') crank.recall(record, nowMs);
        }
        crank.take(stored, nowMs);
      }
      crank.startDue(nowMs, aheadMs);
      const requests = commit();
      crank.settle(nowMs);
      return requests;
    },
    /** Takes the outcomes of what is in flight, and starts nothing more. */
    stop(nowMs: number, outcomes: [Request, Outcome][]): void {
      for (const [request, outcome] of outcomes) crank.finish(request, outcome, nowMs);
      commit();
    },
    /** The owner dies; a new one restores what was committed, and reads again from `from`. */
    crash(nowMs: number, { skewMs = 0, from = taken } = {}) {
      capacity = createCapacity(most, mostPerHost, most);
      crank = createCrank(
        restore(lanes.values(), { nowMs, skewMs }, quietLanes),
        { capacity, disableAfterMs },
        nowMs,
      );
      taken = from;
    },
    step: (byMs: number, nowMs: number) => crank.stepped(byMs, nowMs),
    nextDueAtMs: () => crank.nextDueAtMs(aheadMs),
    unstarted: () => crank.unstarted,
    types: () => outbound.map((event) => event.type),
  };
}

export type World = ReturnType<typeof world>;
