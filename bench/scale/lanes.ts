// Lanes in great numbers: one partition's crank, as the dispatcher turns it, on a made-up clock. What is taken in is decoded
// and what a turn gives is encoded, as the log would; nothing is written and nothing is sent: each request is answered with
// 200 in the next turn.

import { createCapacity } from '../../src/dispatch/capacity.ts';
import { createCrank } from '../../src/dispatch/crank.ts';
import { createLanes as lanesInMemory } from '../../src/dispatch/lanes.ts';
import type { Request } from '../../src/dispatch/request.ts';
import type { EndpointCreated, LaneRecord, LogReceived, OrganizationEvent } from '../../src/events.ts';
import { UNKEYED } from '../../src/events.ts';
import { newId, type OrganizationId } from '../../src/ids.ts';
import { decode, encode } from '../../src/log/codec.ts';
import { record } from '../../src/record/record.ts';
import { errorPayload } from '../payload.ts';

/** When the clock begins: 2027-01-15T08:00Z, as that of the simulation. */
export const BEGINS_AT_MS = 1_800_000_000_000;

/** What came of a turn. */
export interface Turned {
  /** Of this machine's time. */
  tookMs: number;
  /** The organizations to whose endpoints a request was started. */
  started: OrganizationId[];
  lanes: LaneRecord[];
}

/** How an endpoint is to be. */
export type Settings = Pick<EndpointCreated, 'gapMs' | 'whenBusy'>;

export interface Lanes {
  readonly organizations: readonly OrganizationId[];
  /** Adds an organization with one endpoint: to be called before the clock runs. */
  add(settings: Settings): { id: OrganizationId; turned: Turned };
  /** An event of topic organizations as its log has it: a log of this organization was recorded. */
  trigger(organizationId: OrganizationId, atMs: number): Buffer;
  /** Takes these events in at `nowMs`, with the outcomes of what the turn before it has started. */
  turn(events: readonly Buffer[], nowMs: number): Turned;
}

export function createLanes(): Lanes {
  const capacity = createCapacity(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const options = { capacity, disableAfterMs: Number.POSITIVE_INFINITY };
  const crank = createCrank(lanesInMemory(), options, BEGINS_AT_MS);
  const organizations: OrganizationId[] = [];
  const integration = { projectId: newId('prj', BEGINS_AT_MS), integrationId: newId('int', BEGINS_AT_MS) };
  const body = Buffer.from(errorPayload(1));
  let inFlight: readonly Request[] = [];
  let inFlightSinceMs = BEGINS_AT_MS;
  let offset = 0;
  let inboundOffset = 0;

  function turn(events: readonly Buffer[], nowMs: number): Turned {
    const fromMs = performance.now();
    for (const request of inFlight) {
      capacity.give(request);
      crank.finish(request, outcomeAt(inFlightSinceMs), nowMs);
    }
    for (const bytes of events) {
      const event = decode(bytes) as OrganizationEvent;
      crank.take({ topic: 'organizations', partition: 0, offset: offset++, event }, nowMs);
    }
    crank.startDue(nowMs, 0);
    const { out, requests } = crank.flush();
    const lanes: LaneRecord[] = [];
    for (const event of out) {
      if (event.type === 'PendingDropped') continue;
      encode(event);
      if (event.type === 'LaneSaved' || event.type === 'PendingSaved') lanes.push(event);
    }
    const tookMs = performance.now() - fromMs;
    inFlight = requests;
    inFlightSinceMs = nowMs;
    return { tookMs, started: requests.map(({ organizationId }) => organizationId), lanes };
  }

  return {
    organizations,
    turn,
    add(settings) {
      const id = newId('org', BEGINS_AT_MS);
      organizations.push(id);
      const made = madeOf(id, organizations.length, settings);
      return { id, turned: turn(made.map(encode), BEGINS_AT_MS) };
    },
    trigger(organizationId, atMs) {
      const ids = { id: newId('in', atMs), organizationId, ...integration };
      const came = { receivedAtMs: atMs, headers: {}, body, imported: false, ...UNKEYED };
      const received: LogReceived = { type: 'LogReceived', ...ids, ...came };
      return encode(record(received, { nowMs: atMs, partition: 0, offset: inboundOffset++ }));
    },
  };
}

function outcomeAt(startedAtMs: number) {
  const answer = { durationMs: 5, responseCode: 200, responseBody: 'ok', retryAfterMs: null };
  return { startedAtMs, ...answer, failure: null };
}

/** As long as sealed secrets are. */
const SEALED = `sealed.v1.00000000.${'x'.repeat(100)}`;

function madeOf(
  organizationId: OrganizationId,
  number: number,
  settings: Settings,
): (Extract<OrganizationEvent, { type: 'OrganizationCreated' }> | EndpointCreated)[] {
  const ids = { organizationId, atMs: BEGINS_AT_MS, by: 'root' } as const;
  return [
    { type: 'OrganizationCreated', ...ids, name: `organization ${number}`, secret: SEALED },
    {
      type: 'EndpointCreated',
      ...ids,
      endpointId: newId('ep', BEGINS_AT_MS),
      url: `https://hooks${number}.example.com/hooklane`,
      ...settings,
      events: ['log.*'],
      timeoutMs: 5_000,
      maxQueued: 100,
      retriesMs: [],
      status: 'active',
      disabledReason: null,
      secret: SEALED,
    },
  ];
}
