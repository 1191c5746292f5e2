// The crank of one partition: its lanes, and the one heap of timers that says which endpoint is due. Everything
// that happened since the last turn is taken in; flush() gives what must be committed before anything is done,
// and the requests that may leave once it is. No I/O, no clock: the dispatcher and the simulation turn it.

import { atMsOf, type HooklaneEvent, isOfImport, type LaneSaved, type OrganizationEvent } from '../events.ts';
import type { OrganizationId, WebhookId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { triggerOf, webhookBody } from '../trigger.ts';
import type { Capacity } from './capacity.ts';
import { changesPending, decide, decideOrphan, type LaneEvent } from './decide.ts';
import { type Cause, CONFIGURES_LANES, evolve } from './evolve.ts';
import { evolveImport } from './import.ts';
import type { Lane, LaneEndpoint, Outcome } from './lane.ts';
import type { Lanes } from './lanes.ts';
import { hostOf, type Request, requestFor } from './request.ts';
import { forgetOld } from './retried.ts';
import { put } from './small-map.ts';
import { laneSaved, restoreLane, webhookSaved } from './snapshot.ts';
import { createTimers, type Due } from './timers.ts';

/** How often all lanes are gone through for what they may forget. */
const FORGET_EVERY_MS = 3_600_000;

/** With so much that taken events came to a turn is full. Outcomes and starts are bounded by the capacity, and hold up nobody. */
const FULL_BYTES = 8 * 1024 * 1024;
/** Of a decided event, without the body of its webhook. */
const EVENT_BYTES = 500;

/** What a turn came to. */
export interface Turn {
  /** To be committed, in this order. */
  out: HooklaneEvent[];
  requests: Request[];
}

export interface Crank {
  /** Organizations of events whose lanes are not in memory: each is to be recalled, or is new. */
  absent(stored: readonly StoredEvent<'organizations'>[]): OrganizationId[];
  /** Takes the record of a lane in that this crank has let go. */
  recall(record: LaneSaved, nowMs: number): void;
  /** All that the last turn came to is committed: quiet lanes may be let go. */
  settle(nowMs: number): void;
  /** Takes an event of topic organizations in. What its lane has seen already is ignored. A lane that is absent is new. */
  take(stored: StoredEvent<'organizations'>, nowMs: number): void;
  /** Takes the outcome of a request in. What it held of the capacity has been given back. */
  finish(request: Request, outcome: Outcome, nowMs: number): void;
  /**
   * Starts what is due, as far as there is capacity, which it takes. What waits for a gap that will be over within `aheadMs` is
   * claimed as well, as long as half of the capacity is left for what is due: its request may leave when its time has come.
   */
  startDue(nowMs: number, aheadMs: number): void;
  /** The clock was put forward by so much: gaps that last begin later by as much, as no time has passed. */
  stepped(byMs: number, nowMs: number): void;
  /** All that the turn came to; the next one begins. */
  flush(): Turn;
  /** Whether what was taken in has come to so much that no more should be in this turn. */
  readonly isFull: boolean;
  /** When startDue(…, aheadMs) may have something to do; undefined: not before something happens. */
  nextDueAtMs(aheadMs: number): number | undefined;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Webhooks that have come to wait for their first attempt, since the crank was made. */
  readonly scheduled: number;
  /** Those of them that still do. */
  readonly unstarted: number;
}

export interface CrankOptions {
  capacity: Capacity;
  /** For how long an endpoint may do nothing but fail before it is disabled; Infinity: for ever. */
  disableAfterMs: number;
}

/** The crank for `lanes`, as restored at `nowMs`; it changes them from then on. */
export function createCrank(lanes: Lanes, { capacity, disableAfterMs }: CrankOptions, nowMs: number): Crank {
  const timers = createTimers();
  let out: HooklaneEvent[] = [];
  let requests: Request[] = [];
  let takenBytes = 0;
  const touchedLanes = new Set<Lane>();
  const touchedWebhooks = new Map<WebhookId, Lane>();
  /** What is due and waits for requests to its host, or of its organization, to end, by host, in turn. */
  const heldUp = new Map<string, Map<LaneEndpoint, Lane>>();
  let inFlight = 0;
  /** By how much the clock was put forward, and what it showed before, while something was in flight. */
  let steps: { beforeMs: number; byMs: number }[] = [];
  let scheduled = 0;
  let unstarted = 0;
  /** By the time of what is taken in. */
  let forgetsAtMs = 0;

  for (const lane of lanes.values()) {
    for (const { webhookId } of lane.pending.values()) countScheduled(countUnstarted(lane, webhookId));
    resume(lane, nowMs);
  }

  /** Lets a lane go on that was restored: what waits for an endpoint that is gone ends, timers are set. */
  function resume(lane: Lane, at: number): void {
    for (const pending of lane.pending.values()) {
      if (!lane.endpoints.has(pending.endpointId)) apply(lane, decideOrphan(lane, pending, at));
    }
    for (const endpoint of lane.endpoints.values()) timers.arm(lane, endpoint);
  }

  /** `change`: of how many webhooks wait for their first attempt. */
  function countScheduled(change: number): void {
    unstarted += change;
    if (change > 0) scheduled += change;
  }

  /** Has lanes forget, now and then, what nobody can ask for any more who knows what had happened by `heardAtMs`. */
  function forget(heardAtMs: number): void {
    if (heardAtMs < forgetsAtMs) return;
    forgetsAtMs = heardAtMs + FORGET_EVERY_MS;
    for (const lane of lanes.values()) if (forgetOld(lane, heardAtMs)) touchedLanes.add(lane);
  }

  /** Makes decided events happen: in the lane, and in what is to be committed. */
  function apply(lane: Lane, events: LaneEvent[], cause?: Cause): void {
    for (const event of events) {
      out.push(event);
      if (changesPending(event)) {
        const before = countUnstarted(lane, event.webhookId);
        evolve(lane, event, cause);
        countScheduled(countUnstarted(lane, event.webhookId) - before);
        touchedWebhooks.set(event.webhookId, lane);
      } else evolve(lane, event, cause);
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) timers.arm(lane, endpoint);
    }
    if (events.length > 0) touchedLanes.add(lane);
  }

  /** Takes in what comes with an import; whether nothing else is to be made of the event. */
  function takeImport(lane: Lane, event: OrganizationEvent, at: number): boolean {
    if (!isOfImport(event)) return lane.importing === 'history';
    touchedLanes.add(lane);
    if (event.type === 'WebhookImported') {
      const before = countUnstarted(lane, event.webhookId);
      evolveImport(lane, event, at);
      countScheduled(countUnstarted(lane, event.webhookId) - before);
      touchedWebhooks.set(event.webhookId, lane);
    } else evolveImport(lane, event, at);
    if (lane.importing === null) resume(lane, at);
    return true;
  }

  /**
   * Whether the event was made of an inbound webhook of which the lane has seen what was made before: by a recorder
   * that has lost its position and goes through topic inbound again. That it has seen it is saved also where nobody
   * subscribes: somebody may, before the recorder comes by again.
   */
  function isRepeat(lane: Lane, event: OrganizationEvent): boolean {
    if (event.type !== 'LogRecorded' && event.type !== 'DeployRecorded') return false;
    const { inboundPartition: partition, inboundOffset: offset } = event;
    if (partition === null || offset === null) return false;
    if (offset <= (lane.inboundSeen.get(partition) ?? -1)) return true;
    lane.inboundSeen = put(lane.inboundSeen, partition, offset);
    touchedLanes.add(lane);
    return false;
  }

  function takeTrigger(lane: Lane, event: OrganizationEvent, at: number): void {
    if (lane.endpoints.size === 0) return;
    const trigger = triggerOf(event);
    if (trigger === undefined) return;
    const events = decide(lane, { type: 'Triggered', trigger }, at);
    if (events.length === 0) return;
    const { eventId, kind, summary } = trigger;
    const sends = events.filter((decided) => decided.type === 'WebhookScheduled').length;
    const body = sends > 0 ? Buffer.from(webhookBody(trigger)) : EMPTY;
    takenBytes += events.length * EVENT_BYTES + sends * body.length;
    apply(lane, events, { eventId, kind, body, summary, attempt: 0, order: lane.seen });
  }

  function takeConfiguration(lane: Lane, event: OrganizationEvent, at: number): void {
    const events = decide(lane, { type: 'Received', event }, at);
    takenBytes += events.length * EVENT_BYTES;
    if (event.type === 'WebhookRetryRequested') {
      const { eventId, kind, body, attemptCount } = event;
      const cause = { eventId, kind, body, summary: null, attempt: attemptCount, order: lane.seen };
      takenBytes += events.length * body.length;
      apply(lane, events, cause);
      return;
    }
    apply(lane, events);
    evolve(lane, event);
    if (!CONFIGURES_LANES.has(event.type)) return;
    touchedLanes.add(lane);
    for (const endpoint of lane.endpoints.values()) timers.arm(lane, endpoint);
  }

  /** What the clock, put forward since, would have shown at a time that it showed. */
  function afterSteps(atMs: number): number {
    return steps.reduce((ms, { beforeMs, byMs }) => (ms <= beforeMs ? ms + byMs : ms), atMs);
  }

  /** Starts the next webhook of an endpoint, if there still is one that is due within `aheadMs`. */
  function start({ lane, endpoint }: Due, host: string, at: number, aheadMs: number): void {
    // Deleted since its timer was set.
    if (lane.endpoints.get(endpoint.endpointId) !== endpoint) return;
    endpoint.timerAtMs = null;
    const events = decide(lane, { type: 'SlotOffered', endpointId: endpoint.endpointId, aheadMs }, at);
    apply(lane, events, causeOfDigest(lane, events));
    timers.arm(lane, endpoint);
    for (const event of events) {
      if (event.type !== 'AttemptStarted') continue;
      const request = requestFor(lane, endpoint, event, host);
      if (request === undefined) continue;
      requests.push(request);
      inFlight++;
      capacity.take(request);
    }
  }

  /** Starts what waited for its host or its organization, as far as there is room now. */
  function startHeldUp(at: number): void {
    for (const [host, waiting] of heldUp) {
      for (const [endpoint, lane] of waiting) {
        if (!capacity.hasRoomAt(host)) break;
        if (!capacity.hasRoomFor(lane.organizationId)) continue;
        waiting.delete(endpoint);
        start({ lane, endpoint }, host, at, 0);
      }
      if (waiting.size === 0) heldUp.delete(host);
    }
  }

  function holdUp({ lane, endpoint }: Due, host: string): void {
    const waiting = heldUp.get(host) ?? new Map<LaneEndpoint, Lane>();
    heldUp.set(host, waiting.set(endpoint, lane));
  }

  return {
    absent(stored) {
      const ids = new Set<OrganizationId>();
      for (const { event } of stored) {
        if (event.organizationId !== null && !lanes.has(event.organizationId)) ids.add(event.organizationId);
      }
      return [...ids];
    },

    recall(record, at) {
      // It was written here: by this clock.
      lanes.add(restoreLane(record, { nowMs: at, skewMs: 0 }));
    },

    settle: lanes.trim,

    take({ event, offset }, at) {
      // A token that is bound to no organization is of no lane.
      if (event.organizationId === null) return;
      forget(Math.min(at, atMsOf(event) ?? 0));
      const lane = lanes.getOrAdd(event.organizationId);
      if (offset <= lane.seen) return;
      lane.seen = offset;
      if (takeImport(lane, event, at) || isRepeat(lane, event)) return;
      takeConfiguration(lane, event, at);
      takeTrigger(lane, event, at);
    },

    finish(request, outcome, at) {
      inFlight--;
      const lane = lanes.get(request.organizationId);
      const endpoint = lane?.endpoints.get(request.endpointId);
      if (endpoint !== undefined) {
        endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, afterSteps(outcome.startedAtMs));
      }
      if (inFlight === 0) steps = [];
      // Let go, as webhook and endpoint are gone: it knows of no request.
      if (lane === undefined) return;
      const { webhookId, attempt } = request;
      apply(lane, decide(lane, { type: 'AttemptFinished', webhookId, attempt, outcome, disableAfterMs }, at));
    },

    startDue(at, aheadMs) {
      startHeldUp(at);
      for (let timer = timers.take(at, aheadMs); timer !== undefined; timer = timers.take(at, aheadMs)) {
        if (!capacity.hasRoom()) return timers.putBack(timer);
        const host = hostOf(timer.endpoint.url);
        if (timer.atMs > at && !capacity.hasRoomAhead(host)) timers.putBack(timer);
        else if (capacity.hasRoomAt(host) && capacity.hasRoomFor(timer.lane.organizationId))
          start(timer, host, at, aheadMs);
        else holdUp(timer, host);
      }
    },

    stepped(byMs, at) {
      if (inFlight > 0) steps.push({ beforeMs: at - byMs, byMs });
      for (const lane of lanes.values()) {
        for (const endpoint of lane.endpoints.values()) {
          // At the time before the step, was its gap over?
          if (endpoint.lastStartedAtMs + endpoint.gapMs <= at - byMs) continue;
          endpoint.lastStartedAtMs += byMs;
          touchedLanes.add(lane);
          timers.arm(lane, endpoint);
        }
      }
    },

    flush() {
      for (const lane of touchedLanes) {
        out.push(laneSaved(lane));
        for (const webhookId of lane.unsaved ?? []) touchedWebhooks.set(webhookId, lane);
        lane.unsaved = null;
      }
      for (const [webhookId, lane] of touchedWebhooks) out.push(webhookSaved(lane, webhookId));
      const turn = { out, requests };
      out = [];
      requests = [];
      takenBytes = 0;
      touchedLanes.clear();
      touchedWebhooks.clear();
      return turn;
    },

    get isFull() {
      return takenBytes >= FULL_BYTES;
    },
    nextDueAtMs: timers.nextAtMs,
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

/** What the digest among `events` tells, if there is one. */
function causeOfDigest(lane: Lane, events: readonly LaneEvent[]): Cause | undefined {
  for (const event of events) {
    if (event.type !== 'WebhookScheduled' || event.digest === null) continue;
    const { eventId, organizationId, kind, atMs, digest } = event;
    const body = Buffer.from(webhookBody({ eventId, organizationId, kind, atMs, data: () => digest }));
    return { eventId, kind, body, summary: null, attempt: 0, order: lane.seen };
  }
  return undefined;
}

function countUnstarted(lane: Lane, webhookId: WebhookId): number {
  return lane.pending.get(webhookId)?.attempt === 0 ? 1 : 0;
}
