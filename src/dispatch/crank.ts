// The crank of one partition: its lanes, and the one heap of timers that says which endpoint is due. Everything
// that happened since the last turn is taken in; flush() gives what must be committed before anything is done,
// and the requests that may leave once it is. No I/O, no clock: the dispatcher and the simulation turn it.

import TinyQueue from 'tinyqueue';
import type { HooklaneEvent, OrganizationEvent, OutboundEvent } from '../events.ts';
import type { OrganizationId, WebhookId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { triggerOf, webhookBody } from '../trigger.ts';
import { type Cause, evolve } from './evolve.ts';
import {
  decide,
  decideOrphan,
  type Lane,
  type LaneEndpoint,
  type LaneInput,
  newLane,
  type Outcome,
  wakeAtMs,
} from './lane.ts';
import { laneSaved, pendingSaved } from './snapshot.ts';

/** Requests that may be in flight at a time, all partitions of a process together. */
export const MAX_IN_FLIGHT = 256;

/** How many more requests may be in flight now; shared by the cranks of a process. */
export interface Slots {
  free: number;
}

/** A request that may leave once its AttemptStarted is durable. Secrets are sealed. */
export interface Request {
  organizationId: OrganizationId;
  webhookId: WebhookId;
  attempt: number;
  /** When its AttemptStarted says that it starts: the exchange must be over at claimedAtMs + timeoutMs. */
  claimedAtMs: number;
  url: string;
  timeoutMs: number;
  gapMs: number;
  organizationSecret: string;
  signingSecret: string;
  body: Buffer;
}

/** What a turn came to. */
export interface Turn {
  /** To be committed, in this order. */
  out: HooklaneEvent[];
  requests: Request[];
}

export interface Crank {
  /** Takes an event of topic organizations in. What its lane has seen already is ignored. */
  take(stored: StoredEvent<'organizations'>, nowMs: number): void;
  /** Takes the outcome of a request in; its slot is free again. */
  finish(request: Request, outcome: Outcome, nowMs: number): void;
  /** Starts what is due, as long as there are slots. */
  startDue(nowMs: number): void;
  /** All that the turn came to; the next one begins. */
  flush(): Turn;
  /** When startDue() may have something to do; undefined: not before something happens. */
  nextDueAtMs(): number | undefined;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Webhooks that have come to wait for their first attempt, since the crank was made. */
  readonly scheduled: number;
  /** Those of them that still do. */
  readonly unstarted: number;
}

interface Timer {
  atMs: number;
  lane: Lane;
  endpoint: LaneEndpoint;
}

/** The crank for `lanes`, as restored at `nowMs`; it changes them from then on. */
export function createCrank(lanes: Map<OrganizationId, Lane>, slots: Slots, nowMs: number): Crank {
  const timers = new TinyQueue<Timer>([], (a, b) => a.atMs - b.atMs);
  let out: HooklaneEvent[] = [];
  let requests: Request[] = [];
  const touchedLanes = new Set<Lane>();
  const touchedWebhooks = new Map<WebhookId, Lane>();
  let inFlight = 0;
  let scheduled = 0;
  let unstarted = 0;

  for (const lane of lanes.values()) {
    for (const pending of lane.pending.values()) {
      countScheduled(countUnstarted(lane, pending.webhookId));
      if (!lane.endpoints.has(pending.endpointId)) apply(lane, decideOrphan(lane, pending, nowMs));
    }
    for (const endpoint of lane.endpoints.values()) arm(lane, endpoint);
  }

  /** `change`: of how many webhooks wait for their first attempt. */
  function countScheduled(change: number): void {
    unstarted += change;
    if (change > 0) scheduled += change;
  }

  function laneOf(organizationId: OrganizationId): Lane {
    let lane = lanes.get(organizationId);
    if (lane === undefined) {
      lane = newLane(organizationId);
      lanes.set(organizationId, lane);
    }
    return lane;
  }

  /** Sets the endpoint's timer anew; the entry that stood for it in the heap is passed over when its time comes. */
  function arm(lane: Lane, endpoint: LaneEndpoint): void {
    const atMs = wakeAtMs(endpoint) ?? Number.POSITIVE_INFINITY;
    if (atMs === endpoint.timerAtMs) return;
    endpoint.timerAtMs = atMs;
    if (atMs !== Number.POSITIVE_INFINITY) timers.push({ atMs, lane, endpoint });
  }

  /** Makes decided events happen: in the lane, and in what is to be committed. */
  function apply(lane: Lane, events: OutboundEvent[], cause?: Cause): void {
    for (const event of events) {
      out.push(event);
      if (event.type === 'WebhookOmitted') continue;
      const before = countUnstarted(lane, event.webhookId);
      evolve(lane, event, cause);
      countScheduled(countUnstarted(lane, event.webhookId) - before);
      touchedWebhooks.set(event.webhookId, lane);
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) arm(lane, endpoint);
    }
    if (events.length > 0) touchedLanes.add(lane);
  }

  function takeTrigger(lane: Lane, event: OrganizationEvent, at: number): void {
    if (lane.endpoints.size === 0) return;
    const trigger = triggerOf(event);
    if (trigger === undefined) return;
    const events = decide(lane, { type: 'Triggered', trigger }, at);
    if (events.length === 0) return;
    const { eventId, kind } = trigger;
    const sends = events.some((decided) => decided.type === 'WebhookScheduled');
    const body = sends ? Buffer.from(webhookBody(trigger)) : EMPTY;
    apply(lane, events, { eventId, kind, body, attempt: 0 });
  }

  function takeConfiguration(lane: Lane, event: OrganizationEvent, at: number): void {
    const input: LaneInput = { type: 'Received', event };
    if (event.type === 'WebhookRetryRequested') {
      const { eventId, kind, body, attemptCount } = event;
      apply(lane, decide(lane, input, at), { eventId, kind, body, attempt: attemptCount });
      return;
    }
    apply(lane, decide(lane, input, at));
    evolve(lane, event);
    if (!CONFIGURES_LANES.has(event.type)) return;
    touchedLanes.add(lane);
    for (const endpoint of lane.endpoints.values()) arm(lane, endpoint);
  }

  return {
    take({ event, offset }, at) {
      const lane = laneOf(event.organizationId);
      if (offset <= lane.seen) return;
      lane.seen = offset;
      if (isRepeat(lane, event)) return;
      takeConfiguration(lane, event, at);
      takeTrigger(lane, event, at);
    },

    finish(request, outcome, at) {
      inFlight--;
      slots.free++;
      const lane = laneOf(request.organizationId);
      const { webhookId, attempt } = request;
      apply(lane, decide(lane, { type: 'AttemptFinished', webhookId, attempt, outcome }, at));
    },

    startDue(at) {
      for (let top = timers.peek(); top !== undefined && top.atMs <= at; top = timers.peek()) {
        const { lane, endpoint } = top;
        if (endpoint.timerAtMs === top.atMs && slots.free === 0) return;
        timers.pop();
        if (endpoint.timerAtMs !== top.atMs) continue;
        endpoint.timerAtMs = Number.POSITIVE_INFINITY;
        const events = decide(lane, { type: 'SlotOffered', endpointId: endpoint.endpointId }, at);
        apply(lane, events);
        arm(lane, endpoint);
        for (const event of events) {
          if (event.type !== 'AttemptStarted') continue;
          const request = requestFor(lane, endpoint, event);
          if (request === undefined) continue;
          requests.push(request);
          inFlight++;
          slots.free--;
        }
      }
    },

    flush() {
      for (const lane of touchedLanes) out.push(laneSaved(lane));
      for (const [webhookId, lane] of touchedWebhooks) {
        const pending = lane.pending.get(webhookId);
        const { organizationId } = lane;
        out.push(
          pending === undefined
            ? { type: 'PendingDropped', webhookId, organizationId }
            : pendingSaved(organizationId, pending),
        );
      }
      const turn = { out, requests };
      out = [];
      requests = [];
      touchedLanes.clear();
      touchedWebhooks.clear();
      return turn;
    },

    nextDueAtMs: () => timers.peek()?.atMs,
    get inFlight() {
      return inFlight;
    },
    get scheduled() {
      return scheduled;
    },
    get unstarted() {
      return unstarted;
    },
  };
}

const EMPTY = Buffer.alloc(0);

/**
 * Whether the event was made of an inbound webhook of which the lane has seen what was made before: by a recorder
 * that has lost its position and goes through topic inbound again.
 */
function isRepeat(lane: Lane, event: OrganizationEvent): boolean {
  if (event.type !== 'LogRecorded' && event.type !== 'DeployRecorded') return false;
  const { inboundPartition: partition, inboundOffset: offset } = event;
  if (partition === null || offset === null) return false;
  if (offset <= (lane.inboundSeen.get(partition) ?? -1)) return true;
  lane.inboundSeen.set(partition, offset);
  return false;
}

function countUnstarted(lane: Lane, webhookId: WebhookId): number {
  return lane.pending.get(webhookId)?.attempt === 0 ? 1 : 0;
}

/** Events that change what a lane is, and not only what waits in it. */
const CONFIGURES_LANES: ReadonlySet<OrganizationEvent['type']> = new Set<OrganizationEvent['type']>([
  'OrganizationCreated',
  'OrganizationSecretRotated',
  'OrganizationDeleted',
  'EndpointCreated',
  'EndpointChanged',
  'EndpointSecretRotated',
  'EndpointDeleted',
]);

function requestFor(
  lane: Lane,
  endpoint: LaneEndpoint,
  started: Extract<OutboundEvent, { type: 'AttemptStarted' }>,
): Request | undefined {
  const pending = lane.pending.get(started.webhookId);
  if (pending === undefined || lane.secret === null) return undefined;
  return {
    organizationId: lane.organizationId,
    webhookId: pending.webhookId,
    attempt: started.attempt,
    claimedAtMs: started.atMs,
    url: endpoint.url,
    timeoutMs: endpoint.timeoutMs,
    gapMs: endpoint.gapMs,
    organizationSecret: lane.secret,
    signingSecret: endpoint.secret,
    body: pending.body,
  };
}
