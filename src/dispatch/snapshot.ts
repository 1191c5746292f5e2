// A lane as records of the compacted topic `lanes`, and back. One record holds the lane, one more each pending
// webhook, so that what a turn writes is in proportion to what it changed, not to what is pending.

import type { LaneEndpointState, LaneRecord, LaneSaved, PendingSaved } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import { endpointSettings } from '../settings.ts';
import { enqueue } from './evolve.ts';
import { type Lane, newEndpoint, newLane, type Pending } from './lane.ts';

/** How a record says that nothing was ever sent to an endpoint. */
const NEVER = 0;

/** The lane, but for what is pending in it. */
export function laneSaved(lane: Lane): LaneSaved {
  const endpoints: LaneEndpointState[] = [];
  for (const endpoint of lane.endpoints.values()) {
    const { endpointId, secret } = endpoint;
    const lastStartedAtMs = Math.max(NEVER, endpoint.lastStartedAtMs);
    endpoints.push({ ...endpointSettings(endpoint), endpointId, secret, lastStartedAtMs });
  }
  const { organizationId, seen, secret } = lane;
  const inboundSeen = Object.fromEntries(lane.inboundSeen);
  return { type: 'LaneSaved', organizationId, seen, inboundSeen, secret, endpoints };
}

/** One pending webhook. */
export function pendingSaved(organizationId: OrganizationId, pending: Pending): PendingSaved {
  const { webhookId, endpointId, eventId, kind, attempt, startedAtMs, dueAtMs, body } = pending;
  return {
    type: 'PendingSaved',
    webhookId,
    organizationId,
    endpointId,
    eventId,
    kind,
    attempt,
    startedAtMs,
    dueAtMs,
    body,
  };
}

/** When and how lanes change hands. */
export interface Handover {
  nowMs: number;
  /** By how much the clocks of those who own a partition one after the other may differ. */
  skewMs: number;
}

/**
 * The lanes of a partition, from all its records. What was in flight when they were written is in doubt until
 * its time is over and the clocks agree that it is: then it is tried again, and from then on the gap counts.
 */
export function restore(records: Iterable<LaneRecord>, handover: Handover): Map<OrganizationId, Lane> {
  const lanes = new Map<OrganizationId, Lane>();
  const pendings: PendingSaved[] = [];
  for (const record of records) {
    if (record.type === 'PendingSaved') pendings.push(record);
    else if (record.type === 'LaneSaved') lanes.set(record.organizationId, restoreLane(record, handover));
  }
  for (const record of pendings) {
    const lane = lanes.get(record.organizationId) ?? newLane(record.organizationId);
    lanes.set(record.organizationId, lane);
    restorePending(lane, record, handover);
  }
  return lanes;
}

function restoreLane(record: LaneSaved, { nowMs, skewMs }: Handover): Lane {
  const lane = newLane(record.organizationId);
  lane.seen = record.seen;
  for (const [partition, offset] of Object.entries(record.inboundSeen)) {
    lane.inboundSeen.set(Number(partition), offset);
  }
  lane.secret = record.secret;
  for (const state of record.endpoints) {
    const endpoint = newEndpoint(state, state.endpointId, state.secret);
    // A start that lies ahead was stamped before a clock was put back: what counts is that it is over.
    if (state.lastStartedAtMs !== NEVER)
      endpoint.lastStartedAtMs = Math.min(state.lastStartedAtMs, nowMs) + skewMs;
    lane.endpoints.set(state.endpointId, endpoint);
  }
  return lane;
}

function restorePending(lane: Lane, record: PendingSaved, { nowMs, skewMs }: Handover): void {
  const { webhookId, endpointId, eventId, kind, body, attempt, startedAtMs } = record;
  let { dueAtMs } = record;
  const endpoint = lane.endpoints.get(endpointId);
  if (startedAtMs !== null && endpoint !== undefined) {
    // The request may have left at any moment up to its deadline, which the sender keeps (see send.ts).
    const deadlineMs = Math.min(startedAtMs, nowMs) + endpoint.timeoutMs + skewMs;
    dueAtMs = deadlineMs;
    endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, deadlineMs);
  }
  const interrupted = startedAtMs !== null;
  const pending: Pending = {
    webhookId,
    endpointId,
    eventId,
    kind,
    body,
    attempt,
    startedAtMs,
    dueAtMs,
    interrupted,
  };
  enqueue(lane, pending);
}
