// Which events follow from what happens to a lane: the half of it that decides. See lane.ts for what a lane is.
// Pure: the same lane, input and time give the same events.

import type {
  EndpointDisabled,
  EndpointFailing,
  OmitReason,
  OrganizationEvent,
  WebhookEvent,
} from '../events.ts';
import type { EndpointId, WebhookId } from '../ids.ts';
import { derivedId } from '../ids.ts';
import { subscribesTo, type Trigger } from '../trigger.ts';
import { DIGEST, digestData } from './digest.ts';
import { healthAfterFailure } from './health.ts';
import {
  byTurn,
  dueAtMs,
  freeAtMs,
  isFull,
  type Lane,
  type LaneEndpoint,
  type Outcome,
  type Pending,
  waitsForGap,
  wakeAtMs,
} from './lane.ts';
import { isDone } from './retried.ts';
import { nextAttemptAtMs } from './retry.ts';

export type LaneInput =
  | { type: 'Triggered'; trigger: Trigger }
  /** Configuration, or an operator's wish. */
  | { type: 'Received'; event: OrganizationEvent }
  /**
   * One more request may be in flight: does this endpoint want to start it? Ask when wakeAtMs() has come, or will within
   * `aheadMs`: what waits for its gap is claimed so much before its time.
   */
  | { type: 'SlotOffered'; endpointId: EndpointId; aheadMs: number }
  | {
      type: 'AttemptFinished';
      webhookId: WebhookId;
      attempt: number;
      outcome: Outcome;
      /** For how long an endpoint may do nothing but fail before it is disabled; Infinity: for ever. */
      disableAfterMs: number;
    };

/** What can follow: mostly of webhooks, sometimes of an endpoint's health. */
export type LaneEvent = WebhookEvent | EndpointFailing | EndpointDisabled;

/** Whether the event changes what is pending, and not only what is known of an endpoint. */
export function changesPending(event: LaneEvent): event is Exclude<LaneEvent, { type: OfEndpoint }> {
  return !OF_ENDPOINTS.has(event.type);
}

type OfEndpoint = 'WebhookOmitted' | 'EndpointFailing' | 'EndpointDisabled';
const OF_ENDPOINTS: ReadonlySet<string> = new Set<OfEndpoint>([
  'WebhookOmitted',
  'EndpointFailing',
  'EndpointDisabled',
]);

/** What follows from `input`, at `nowMs`. */
export function decide(lane: Lane, input: LaneInput, nowMs: number): LaneEvent[] {
  switch (input.type) {
    case 'Triggered':
      return decideTrigger(lane, input.trigger, nowMs);
    case 'Received':
      return decideReceived(lane, input.event, nowMs);
    case 'SlotOffered':
      return decideStart(lane, input, nowMs);
    case 'AttemptFinished':
      return decideOutcome(lane, input, nowMs);
    default:
      return input satisfies never;
  }
}

function decideTrigger(lane: Lane, trigger: Trigger, nowMs: number): LaneEvent[] {
  const { eventId, kind, only } = trigger;
  const events: LaneEvent[] = [];
  for (const endpoint of lane.endpoints.values()) {
    const { endpointId } = endpoint;
    const { organizationId } = lane;
    if (only === null ? !subscribesTo(endpoint.events, kind) : only.endpointId !== endpointId) continue;
    const webhookId = only?.webhookId ?? derivedId('wh', nowMs, `${eventId} ${endpointId}`);
    // The same trigger twice in a millisecond: it is scheduled already.
    if (lane.pending.has(webhookId)) continue;
    const webhook = { webhookId, organizationId, endpointId, eventId, kind, atMs: nowMs };
    const omission = omissionOf(endpoint, nowMs, only !== null);
    events.push(
      omission === undefined
        ? {
            type: 'WebhookScheduled',
            ...webhook,
            dueAtMs: Math.max(nowMs, endpoint.queue?.freshDueAtMs ?? nowMs),
            digest: null,
          }
        : { type: 'WebhookOmitted', ...webhook, ...omission },
    );
  }
  return events;
}

interface Omission {
  reason: OmitReason;
  freeAtMs: number | null;
}

/** Why a trigger that comes now is not sent to the endpoint; undefined: it is. What is `awaited` waits for its turn. */
function omissionOf(endpoint: LaneEndpoint, nowMs: number, awaited: boolean): Omission | undefined {
  if (endpoint.status === 'disabled') return { reason: 'disabled', freeAtMs: null };
  if (isFull(endpoint)) return { reason: 'overflow', freeAtMs: null };
  if (endpoint.gapMs === 0 || awaited) return undefined;
  const over = freeAtMs(endpoint);
  // What is due already goes first, and the gap begins anew with it.
  const free = dueAtMs(endpoint) <= nowMs ? Math.max(over, nowMs) + endpoint.gapMs : over;
  if (free <= nowMs) return undefined;
  switch (endpoint.whenBusy) {
    case 'omit':
      return { reason: 'gap', freeAtMs: free };
    case 'queue':
      return (endpoint.queue?.fresh ?? 0) < endpoint.maxQueued
        ? undefined
        : { reason: 'overflow', freeAtMs: null };
    case 'digest':
      return { reason: 'digest', freeAtMs: Math.max(nowMs, endpoint.digest?.dueAtMs ?? free) };
    default:
      return endpoint.whenBusy satisfies never;
  }
}

/** Why a webhook fails that is to be tried again while as much waits as may. */
const OVERFLOW = 'too much waits for the endpoint';

function decideReceived(lane: Lane, event: OrganizationEvent, nowMs: number): LaneEvent[] {
  switch (event.type) {
    case 'WebhookRetryRequested': {
      const { webhookId, organizationId, endpointId, by = null } = event;
      const endpoint = lane.endpoints.get(endpointId);
      if (lane.pending.has(webhookId) || isDone(lane, event) || endpoint?.status !== 'active') return [];
      const ids = { webhookId, organizationId, endpointId };
      const retried: LaneEvent = { type: 'WebhookRetried', ...ids, atMs: nowMs, dueAtMs: nowMs, by };
      return isFull(endpoint) ? [retried, webhookFailed(lane, ids, OVERFLOW, nowMs)] : [retried];
    }
    case 'EndpointChanged':
      return event.status === 'disabled' ? giveUp(lane, event.endpointId, 'endpoint disabled', nowMs) : [];
    case 'EndpointDisabled':
      return giveUp(lane, event.endpointId, 'endpoint disabled', nowMs);
    case 'EndpointDeleted':
      return giveUp(lane, event.endpointId, 'endpoint deleted', nowMs);
    case 'OrganizationDeleted':
      return [...lane.endpoints.keys()].flatMap((id) => giveUp(lane, id, 'organization deleted', nowMs));
    default:
      return [];
  }
}

/** The end of all that waits for an endpoint, in its order. What is in flight still gets its outcome. */
function giveUp(lane: Lane, endpointId: EndpointId, reason: string, nowMs: number): LaneEvent[] {
  const waiting = lane.endpoints.get(endpointId)?.queue?.waiting.data ?? [];
  return waiting.toSorted(byTurn).flatMap((pending) => endOf(lane, pending, reason, nowMs));
}

function decideStart(
  lane: Lane,
  { endpointId, aheadMs }: Extract<LaneInput, { type: 'SlotOffered' }>,
  nowMs: number,
): LaneEvent[] {
  const endpoint = lane.endpoints.get(endpointId);
  if (endpoint === undefined) return [];
  const at = wakeAtMs(endpoint);
  if (at === undefined || at > nowMs + (waitsForGap(endpoint) ? aheadMs : 0)) return [];
  const startsAtMs = at > nowMs ? at : null;
  const pending = endpoint.queue?.waiting.peek();
  const { digest } = endpoint;
  const { organizationId } = lane;
  const ids = { organizationId, endpointId, atMs: nowMs };
  const host = URL.parse(endpoint.url)?.host ?? null;
  if (digest !== null && digest.dueAtMs < (pending?.dueAtMs ?? Number.POSITIVE_INFINITY)) {
    const eventId = derivedId('evt', nowMs, `${DIGEST} ${endpointId}`);
    const webhookId = derivedId('wh', nowMs, `${eventId} ${endpointId}`);
    const tells = { eventId, kind: DIGEST, dueAtMs: digest.dueAtMs, digest: digestData(digest) };
    return [
      { type: 'WebhookScheduled', webhookId, ...ids, ...tells },
      { type: 'AttemptStarted', webhookId, ...ids, attempt: 1, startsAtMs, host },
    ];
  }
  if (pending === undefined) return [];
  const started = { webhookId: pending.webhookId, ...ids, attempt: pending.attempt + 1, startsAtMs, host };
  const interrupted = pending.interrupted ? [interruption(lane, pending, nowMs, nowMs)] : [];
  return [...interrupted, { type: 'AttemptStarted', ...started }];
}

function decideOutcome(
  lane: Lane,
  { webhookId, attempt, outcome, disableAfterMs }: Extract<LaneInput, { type: 'AttemptFinished' }>,
  nowMs: number,
): LaneEvent[] {
  const pending = lane.pending.get(webhookId);
  if (pending === undefined || pending.startedAtMs === null || pending.attempt !== attempt) return [];
  const { organizationId } = lane;
  const { endpointId } = pending;
  const { failure, retryAfterMs, ...facts } = outcome;
  const result = { webhookId, organizationId, endpointId, attempt, atMs: nowMs, ...facts };
  if (failure === null) return [{ type: 'WebhookProcessed', ...result }];
  const endpoint = lane.endpoints.get(endpointId);
  const active = endpoint?.status === 'active' ? endpoint : undefined;
  const health =
    active === undefined ? undefined : healthAfterFailure(active, outcome, nowMs, disableAfterMs);
  const isOver = active === undefined || health?.type === 'EndpointDisabled';
  const next = isOver ? null : nextAttemptAtMs(active.retriesMs, pending, outcome, nowMs);
  const events: LaneEvent[] = [
    { type: 'AttemptFailed', ...result, ...failure, nextAttemptAtMs: next },
    ...(next === null ? [webhookFailed(lane, pending, failure.error, nowMs)] : []),
  ];
  if (health === undefined) return events;
  const rest = health.type === 'EndpointDisabled' ? giveUp(lane, endpointId, 'endpoint disabled', nowMs) : [];
  return [...events, ...rest, { ...health, organizationId }];
}

/** The outcome of an attempt whose process died: it may have arrived or not. */
function interruption(lane: Lane, pending: Pending, nowMs: number, nextAtMs: number | null): LaneEvent {
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
    detail:
      'Hooklane was stopped, or another process took over, before the outcome was known; it may have arrived',
    nextAttemptAtMs: nextAtMs,
  };
}

/** The end of a webhook that is not in flight in this process; an attempt that is in doubt gets its outcome first. */
function endOf(lane: Lane, pending: Pending, reason: string, nowMs: number): LaneEvent[] {
  const interrupted = pending.interrupted ? [interruption(lane, pending, nowMs, null)] : [];
  return [...interrupted, webhookFailed(lane, pending, reason, nowMs)];
}

function webhookFailed(
  { organizationId }: Lane,
  { webhookId, endpointId }: Pick<Pending, 'webhookId' | 'endpointId'>,
  reason: string,
  nowMs: number,
): LaneEvent {
  return { type: 'WebhookFailed', webhookId, organizationId, endpointId, atMs: nowMs, reason };
}

/**
 * The end of what was in flight when its dispatcher died and whose endpoint is gone since: there is nobody to
 * send it to again.
 */
export function decideOrphan(lane: Lane, pending: Pending, nowMs: number): LaneEvent[] {
  return endOf(lane, pending, 'endpoint deleted', nowMs);
}
