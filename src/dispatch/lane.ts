// The lane: everything that must be known about one organization to decide what is sent to whom, and when.
//
//     a trigger ──▶ WebhookScheduled (it waits) ──▶ AttemptStarted (it is in flight) ──▶ WebhookProcessed
//        │                    ▲                                        │
//        └▶ WebhookOmitted    └──────── AttemptFailed ◀────────────────┴──▶ AttemptFailed, WebhookFailed
//
// decide() says which events follow from an input, evolve() what an event changes; both are pure but for the
// lane that evolve() is given to change. Neither reads a clock, and neither knows of logs, sockets or timers.
// To have a webhook wait and to start it are two decisions: that is how a retry and a fresh trigger compete for
// the same slot, and how a bound on requests in flight never costs a webhook.

import type TinyQueue from 'tinyqueue';
import type { AttemptError, EndpointSettings, OrganizationEvent, OutboundEvent } from '../events.ts';
import type { EndpointId, EventId, OrganizationId, WebhookId } from '../ids.ts';
import { derivedId } from '../ids.ts';
import { endpointSettings } from '../settings.ts';
import type { Trigger } from '../trigger.ts';
import { subscribesTo } from '../trigger.ts';
import { nextAttemptAtMs } from './retry.ts';

/** Webhooks, and bytes of their bodies, that may wait for one endpoint; what comes on top is omitted: `overflow`. */
export const MAX_WAITING = 100_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Requests in flight to an endpoint without a gap; to one with a gap it is 1. */
export const MAX_IN_FLIGHT_PER_ENDPOINT = 64;

export interface Lane {
  readonly organizationId: OrganizationId;
  /** The last offset of topic organizations taken in: what stands at or before it is no trigger. */
  seen: number;
  /** By partition of topic inbound, the last offset there of which an event was taken in. */
  readonly inboundSeen: Map<number, number>;
  /** The organization's publicSecret, sealed; null: deleted. */
  secret: string | null;
  readonly endpoints: Map<EndpointId, LaneEndpoint>;
  /** What is pending: it waits, or is in flight. */
  readonly pending: Map<WebhookId, Pending>;
}

export interface LaneEndpoint extends EndpointSettings {
  readonly endpointId: EndpointId;
  /** The signing secret, sealed. */
  secret: string;
  /** When the last request to it started, as far as is known; -Infinity: never. */
  lastStartedAtMs: number;
  inFlight: number;
  /** What waits, the one that is due first on top. */
  waiting: TinyQueue<Pending> | undefined;
  /** Bytes of the bodies that wait. */
  waitingBytes: number;
  /** When the crank will look at the endpoint again; Infinity: when something happens to it. */
  timerAtMs: number;
}

export interface Pending {
  readonly webhookId: WebhookId;
  readonly endpointId: EndpointId;
  readonly eventId: EventId;
  readonly kind: string;
  /** The body of the request. */
  readonly body: Buffer;
  /** Attempts started so far. */
  attempt: number;
  /** When the attempt in flight was started; null: it waits. */
  startedAtMs: number | null;
  /** Not to be started before. */
  dueAtMs: number;
  /** Its last attempt has no outcome, and never will: the process that made it has died. */
  interrupted: boolean;
}

/** What one request came to. */
export interface Outcome {
  /** When the request left, or would have. */
  startedAtMs: number;
  durationMs: number;
  responseCode: number | null;
  responseBody: string | null;
  /** Null: answered with 2xx in time. */
  failure: { error: AttemptError; detail: string } | null;
}

export type LaneInput =
  | { type: 'Triggered'; trigger: Trigger }
  /** Configuration, or an operator's wish. */
  | { type: 'Received'; event: OrganizationEvent }
  /** One more request may be in flight: does this endpoint want to start it? Ask when wakeAtMs() has come. */
  | { type: 'SlotOffered'; endpointId: EndpointId }
  | { type: 'AttemptFinished'; webhookId: WebhookId; attempt: number; outcome: Outcome };

/** An endpoint to which nothing was ever sent. */
export function newEndpoint(
  settings: EndpointSettings,
  endpointId: EndpointId,
  secret: string,
): LaneEndpoint {
  const quiet = {
    lastStartedAtMs: Number.NEGATIVE_INFINITY,
    inFlight: 0,
    waiting: undefined,
    waitingBytes: 0,
    timerAtMs: Number.POSITIVE_INFINITY,
  };
  return { ...endpointSettings(settings), endpointId, secret, ...quiet };
}

/** Whether a pending webhook waits to be started; else it is in flight. */
export function isWaiting(pending: Pending): boolean {
  return pending.startedAtMs === null || pending.interrupted;
}

/** The lane of an organization of which nothing is known yet. */
export function newLane(organizationId: OrganizationId): Lane {
  return {
    organizationId,
    seen: -1,
    inboundSeen: new Map(),
    secret: null,
    endpoints: new Map(),
    pending: new Map(),
  };
}

/** When the endpoint's gap is over. */
function freeAtMs(endpoint: LaneEndpoint): number {
  return endpoint.gapMs === 0 ? Number.NEGATIVE_INFINITY : endpoint.lastStartedAtMs + endpoint.gapMs;
}

/** When the endpoint's next webhook may be started; undefined: none waits, or an outcome must come first. */
export function wakeAtMs(endpoint: LaneEndpoint): number | undefined {
  const next = endpoint.waiting?.peek();
  const most = endpoint.gapMs === 0 ? MAX_IN_FLIGHT_PER_ENDPOINT : 1;
  if (next === undefined || endpoint.inFlight >= most) return undefined;
  return Math.max(next.dueAtMs, freeAtMs(endpoint));
}

/** What follows from `input`, at `nowMs`. Pure: the same lane and input give the same events. */
export function decide(lane: Lane, input: LaneInput, nowMs: number): OutboundEvent[] {
  switch (input.type) {
    case 'Triggered':
      return decideTrigger(lane, input.trigger, nowMs);
    case 'Received':
      return decideReceived(lane, input.event, nowMs);
    case 'SlotOffered':
      return decideStart(lane, input.endpointId, nowMs);
    case 'AttemptFinished':
      return decideOutcome(lane, input, nowMs);
    default:
      return input satisfies never;
  }
}

function decideTrigger(lane: Lane, { eventId, kind }: Trigger, nowMs: number): OutboundEvent[] {
  const events: OutboundEvent[] = [];
  for (const endpoint of lane.endpoints.values()) {
    if (!subscribesTo(endpoint.events, kind)) continue;
    const { endpointId } = endpoint;
    const { organizationId } = lane;
    const webhookId = derivedId('wh', nowMs, `${eventId} ${endpointId}`);
    const webhook = { webhookId, organizationId, endpointId, eventId, kind, atMs: nowMs };
    const omission = omissionOf(endpoint, nowMs);
    events.push(
      omission === undefined
        ? { type: 'WebhookScheduled', ...webhook, dueAtMs: nowMs }
        : { type: 'WebhookOmitted', ...webhook, ...omission },
    );
  }
  return events;
}

/** Why a trigger that comes now is not sent to the endpoint; undefined: it is. */
function omissionOf(endpoint: LaneEndpoint, nowMs: number) {
  if (endpoint.status === 'disabled') return { reason: 'disabled', freeAtMs: null } as const;
  if (endpoint.gapMs === 0) {
    const full = (endpoint.waiting?.length ?? 0) >= MAX_WAITING || endpoint.waitingBytes >= MAX_WAITING_BYTES;
    return full ? ({ reason: 'overflow', freeAtMs: null } as const) : undefined;
  }
  const free = freeAtMs(endpoint);
  const first = endpoint.waiting?.peek();
  // What is due already goes first, and the gap begins anew with it.
  if (first !== undefined && first.dueAtMs <= nowMs) {
    return { reason: 'gap', freeAtMs: Math.max(free, nowMs) + endpoint.gapMs } as const;
  }
  return free > nowMs ? ({ reason: 'gap', freeAtMs: free } as const) : undefined;
}

function decideReceived(lane: Lane, event: OrganizationEvent, nowMs: number): OutboundEvent[] {
  switch (event.type) {
    case 'WebhookRetryRequested': {
      const { webhookId, organizationId, endpointId } = event;
      if (lane.pending.has(webhookId) || !lane.endpoints.has(endpointId)) return [];
      return [{ type: 'WebhookRetried', webhookId, organizationId, endpointId, atMs: nowMs, dueAtMs: nowMs }];
    }
    case 'EndpointChanged':
      return event.status === 'disabled' ? giveUp(lane, event.endpointId, 'endpoint disabled', nowMs) : [];
    case 'EndpointDeleted':
      return giveUp(lane, event.endpointId, 'endpoint deleted', nowMs);
    case 'OrganizationDeleted':
      return [...lane.endpoints.keys()].flatMap((id) => giveUp(lane, id, 'organization deleted', nowMs));
    default:
      return [];
  }
}

/** The end of all that waits for an endpoint. What is in flight still gets its outcome. */
function giveUp(lane: Lane, endpointId: EndpointId, reason: string, nowMs: number): OutboundEvent[] {
  const waiting = lane.endpoints.get(endpointId)?.waiting?.data ?? [];
  return waiting.map((pending) => webhookFailed(lane, pending, reason, nowMs));
}

function decideStart(lane: Lane, endpointId: EndpointId, nowMs: number): OutboundEvent[] {
  const endpoint = lane.endpoints.get(endpointId);
  const pending = endpoint?.waiting?.peek();
  if (endpoint === undefined || pending === undefined) return [];
  const at = wakeAtMs(endpoint);
  if (at === undefined || at > nowMs) return [];
  const { organizationId } = lane;
  const { webhookId } = pending;
  const events: OutboundEvent[] = [];
  if (pending.interrupted) events.push(interruption(lane, pending, nowMs, nowMs));
  const attempt = pending.attempt + 1;
  events.push({ type: 'AttemptStarted', webhookId, organizationId, endpointId, attempt, atMs: nowMs });
  return events;
}

function decideOutcome(
  lane: Lane,
  { webhookId, attempt, outcome }: Extract<LaneInput, { type: 'AttemptFinished' }>,
  nowMs: number,
): OutboundEvent[] {
  const pending = lane.pending.get(webhookId);
  if (pending === undefined || pending.startedAtMs === null || pending.attempt !== attempt) return [];
  const { organizationId } = lane;
  const { endpointId } = pending;
  const { failure, ...facts } = outcome;
  const result = { webhookId, organizationId, endpointId, attempt, atMs: nowMs, ...facts };
  if (failure === null) return [{ type: 'WebhookProcessed', ...result }];
  const endpoint = lane.endpoints.get(endpointId);
  const next =
    endpoint?.status === 'active' ? nextAttemptAtMs(endpoint, attempt, failure.error, nowMs) : null;
  const failed: OutboundEvent = { type: 'AttemptFailed', ...result, ...failure, nextAttemptAtMs: next };
  return next === null ? [failed, webhookFailed(lane, pending, failure.error, nowMs)] : [failed];
}

/** The outcome of an attempt whose process died: it may have arrived or not. */
function interruption(lane: Lane, pending: Pending, nowMs: number, nextAtMs: number | null): OutboundEvent {
  return {
    type: 'AttemptFailed',
    webhookId: pending.webhookId,
    organizationId: lane.organizationId,
    endpointId: pending.endpointId,
    attempt: pending.attempt,
    atMs: nowMs,
    startedAtMs: pending.startedAtMs ?? nowMs,
    durationMs: 0,
    responseCode: null,
    responseBody: null,
    error: 'interrupted',
    detail: 'Hooklane was stopped before the outcome was known; the request may have arrived',
    nextAttemptAtMs: nextAtMs,
  };
}

function webhookFailed(lane: Lane, pending: Pending, reason: string, nowMs: number): OutboundEvent {
  const { webhookId, endpointId } = pending;
  const { organizationId } = lane;
  return { type: 'WebhookFailed', webhookId, organizationId, endpointId, atMs: nowMs, reason };
}

/**
 * The end of what was in flight when its dispatcher died and whose endpoint is gone since: there is nobody to
 * send it to again.
 */
export function decideOrphan(lane: Lane, pending: Pending, nowMs: number): OutboundEvent[] {
  return [interruption(lane, pending, nowMs, null), webhookFailed(lane, pending, 'endpoint deleted', nowMs)];
}
