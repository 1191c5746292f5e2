// A lane as records of the compacted topic `lanes`, and back. One record holds the lane, one more each pending
// webhook, or one that was retried and has ended, so that what a turn writes is in proportion to what it changed.

import type {
  LaneEndpointState,
  LaneImported,
  LaneRecord,
  LaneSaved,
  PendingSaved,
  RetriedSaved,
} from '../events.ts';
import type { EventId, OrganizationId, WebhookId } from '../ids.ts';
import { endpointSettings } from '../settings.ts';
import { MAX_AHEAD_MS } from './ahead.ts';
import { enqueue } from './evolve.ts';
import { type Lane, newEndpoint, newLane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import { remember } from './retried.ts';
import { put } from './small-map.ts';

/** How a record says that nothing was ever sent to an endpoint. */
const NEVER = 0;

/** The lane, but for what is pending in it. */
export function laneSaved(lane: Lane): LaneSaved {
  const endpoints: LaneEndpointState[] = [];
  for (const endpoint of lane.endpoints.values()) {
    const { endpointId, secret, previousSecrets, failingSinceMs, warned, digest, forgotten } = endpoint;
    const lastStartedAtMs = Math.max(NEVER, endpoint.lastStartedAtMs);
    const omitted = endpoint.omitted - endpoint.toldOmitted;
    const state = { previousSecrets, lastStartedAtMs, failingSinceMs, warned, omitted, digest, forgotten };
    endpoints.push({ ...endpointSettings(endpoint), endpointId, secret, ...state });
  }
  const { organizationId, seen, secret, importing } = lane;
  const inboundSeen = Object.fromEntries(lane.inboundSeen);
  return { type: 'LaneSaved', organizationId, seen, inboundSeen, secret, endpoints, retried: {}, importing };
}

/** One webhook: it is pending, was retried and has ended, or nothing need be known of it. */
export function webhookSaved(
  { organizationId, pending, retried }: Lane,
  webhookId: WebhookId,
): Exclude<LaneRecord, LaneSaved> {
  const waiting = pending.get(webhookId);
  if (waiting !== undefined) {
    const { interrupted: _, reconnects: __, tellsOmitted: ___, ...saved } = waiting;
    return { type: 'PendingSaved', organizationId, ...saved };
  }
  const end = retried.get(webhookId);
  if (end === undefined) return { type: 'PendingDropped', webhookId, organizationId };
  const { endpointId, attempt, atMs: endedAtMs } = end;
  return { type: 'RetriedSaved', webhookId, organizationId, endpointId, attempt, endedAtMs };
}

/** When and how lanes change hands. */
export interface Handover {
  nowMs: number;
  /** By how much the clocks of those who own a partition one after the other may differ. */
  skewMs: number;
}

/** Makes lanes of their records, as these are read. */
export interface Restoring {
  /** Takes in the next record, which was read at `nowMs`. */
  take(record: LaneRecord, nowMs: number): void;
  /** Lanes that are not in memory, or no longer, though webhooks of theirs are; once all records have been read. */
  absent(): OrganizationId[];
  /** Gives the lanes their webhooks; to be called once, when all lanes that these are of have been taken in. */
  end(nowMs: number): void;
}

/**
 * Adds the lanes of a partition to `lanes`, from all its records in the order of the topic. What was in flight when they were
 * written is in doubt until its time is over and the clocks agree that it is: then it is tried again, and from then on the gap
 * counts. Of records of lanes, which are most, none is kept.
 */
export function createRestoring(lanes: Lanes, skewMs: number): Restoring {
  const pendings: PendingSaved[] = [];
  const ends: RetriedSaved[] = [];
  const bodies = new Map<EventId, Buffer>();

  /** The webhooks of an event have one body, which takes its room once, as it did when they were decided. */
  function sharedBody({ eventId, body }: PendingSaved): Buffer {
    const known = bodies.get(eventId);
    if (known?.equals(body)) return known;
    bodies.set(eventId, body);
    return body;
  }

  return {
    take(record, nowMs) {
      if (record.type === 'PendingSaved') pendings.push({ ...record, body: sharedBody(record) });
      else if (record.type === 'RetriedSaved') ends.push(record);
      else if (record.type === 'LaneSaved') lanes.add(restoreLane(record, { nowMs, skewMs }));
    },
    absent() {
      const ids = new Set([...pendings, ...ends].map(({ organizationId }) => organizationId));
      return [...ids].filter((id) => !lanes.has(id));
    },
    end(nowMs) {
      for (const { organizationId, webhookId, endpointId, attempt, endedAtMs: atMs } of ends) {
        const lane = lanes.getOrAdd(organizationId);
        lane.retried = put(lane.retried, webhookId, { attempt, atMs, endpointId });
      }
      for (const { type: _, ...pending } of pendings) {
        restorePending(lanes.getOrAdd(pending.organizationId), pending, { nowMs, skewMs });
      }
    },
  };
}

/** The lane of a record, without what is pending in it. */
export function restoreLane(record: LaneSaved, handover: Handover): Lane {
  const lane = newLane(record.organizationId);
  lane.seen = record.seen;
  for (const [partition, offset] of Object.entries(record.inboundSeen)) {
    lane.inboundSeen = put(lane.inboundSeen, Number(partition), offset);
  }
  lane.secret = record.secret;
  lane.importing = record.importing;
  restoreEndpoints(lane, record, handover);
  return lane;
}

/** Gives `lane` its endpoints as they were, and what it remembers of retries. */
export function restoreEndpoints(
  lane: Lane,
  record: Pick<LaneSaved | LaneImported, 'endpoints' | 'retried'>,
  { nowMs, skewMs }: Handover,
): void {
  for (const state of record.endpoints) {
    const { endpointId, secret, previousSecrets, failingSinceMs, warned, omitted, digest, forgotten } = state;
    const endpoint = newEndpoint(state, endpointId, secret);
    Object.assign(endpoint, { failingSinceMs, warned, omitted, forgotten });
    if (previousSecrets.length > 0) endpoint.previousSecrets = previousSecrets;
    if (state.lastStartedAtMs !== NEVER)
      endpoint.lastStartedAtMs = startedBy(state.lastStartedAtMs, nowMs) + skewMs;
    if (digest !== null) {
      // At the end of this gap or the next; it lies further ahead only where the clock was put back.
      const latestMs = Math.max(endpoint.lastStartedAtMs, nowMs) + 2 * endpoint.gapMs;
      endpoint.digest = { ...digest, dueAtMs: Math.min(digest.dueAtMs, latestMs) };
    }
    lane.endpoints = put(lane.endpoints, endpointId, endpoint);
  }
  for (const [webhookId, attempt] of Object.entries(record.retried)) {
    remember(lane, webhookId as WebhookId, { attempt, atMs: nowMs, endpointId: null });
  }
}

/** A start that lies further ahead than one is claimed was stamped before a clock was put back: what counts is that it is over. */
function startedBy(startedAtMs: number, nowMs: number): number {
  return Math.min(startedAtMs, nowMs + MAX_AHEAD_MS);
}

/** Lets a webhook wait that was pending when it was written. */
export function restorePending(
  lane: Lane,
  record: Omit<PendingSaved, 'type'>,
  { nowMs, skewMs }: Handover,
): void {
  const { organizationId: _, ...saved } = record;
  const { endpointId, startedAtMs } = saved;
  // What never left is due since it came; it lies ahead only where the clock was put back.
  let dueAtMs = saved.attempt === 0 ? Math.min(saved.dueAtMs, nowMs) : saved.dueAtMs;
  const endpoint = lane.endpoints.get(endpointId);
  if (startedAtMs !== null && endpoint !== undefined) {
    // The request may have left at any moment up to its deadline, which the sender keeps (see send.ts).
    const timeoutMs = saved.timeoutMs || endpoint.timeoutMs;
    const deadlineMs = startedBy(startedAtMs, nowMs) + timeoutMs + skewMs;
    // With a gap it keeps its place, as the gap counts from then.
    dueAtMs = endpoint.gapMs === 0 ? deadlineMs : Math.min(dueAtMs, nowMs);
    endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, deadlineMs);
  }
  const interrupted = startedAtMs !== null;
  enqueue(lane, { ...saved, dueAtMs, interrupted, reconnects: false, tellsOmitted: 0 });
}
