// What events make of a lane: the other half of decide.ts. An event is a fact, so nothing here can refuse one; what
// does not concern the lane changes nothing.

import TinyQueue from 'tinyqueue';
import {
  type AttemptFailed,
  type EndpointChanged,
  type OrganizationEvent,
  startsAtMsOf,
  type WebhookOmitted,
} from '../events.ts';
import type { WebhookId } from '../ids.ts';
import { reseal, rotate } from '../sealed.ts';
import { keptEndpointSettings } from '../settings.ts';
import type { LaneEvent } from './decide.ts';
import { withEntry } from './digest.ts';
import {
  byTurn,
  isWaiting,
  type Lane,
  type LaneEndpoint,
  MAX_IN_FLIGHT_PER_ENDPOINT,
  newEndpoint,
  type Pending,
  type Queue,
} from './lane.ts';
import { remember } from './retried.ts';
import { isBlameless } from './retry.ts';
import { drop, noEntries, put } from './small-map.ts';

/** Events that change what a lane is, and not only what waits in it. */
export const CONFIGURES_LANES: ReadonlySet<OrganizationEvent['type']> = new Set<OrganizationEvent['type']>([
  'OrganizationCreated',
  'OrganizationSecretRotated',
  'SecretsResealed',
  'OrganizationDeleted',
  'EndpointCreated',
  'EndpointChanged',
  'EndpointSecretRotated',
  'EndpointFailing',
  'EndpointDisabled',
  'EndpointDeleted',
]);

/** What a webhook tells of, and how often that was tried. */
export interface Cause extends Pick<Pending, 'eventId' | 'kind' | 'body' | 'attempt' | 'order'> {
  /** A line for people, if there is one. */
  summary: string | null;
}

/** Changes `lane` by what has happened. `cause` is what a WebhookScheduled, -Omitted or -Retried is made of. */
export function evolve(lane: Lane, event: LaneEvent | OrganizationEvent, cause?: Cause): void {
  switch (event.type) {
    case 'WebhookScheduled':
    case 'WebhookRetried': {
      if (cause === undefined) throw new Error(`${event.type} needs its cause`);
      const { webhookId, endpointId, dueAtMs } = event;
      const { eventId, kind, body, attempt, order } = cause;
      enqueue(lane, {
        ...{ webhookId, endpointId, eventId, kind, body, attempt, order, dueAtMs },
        ...{ failures: 0, startedAtMs: null, timeoutMs: 0, interrupted: false, tellsOmitted: 0 },
        reconnects: false,
        retried: event.type === 'WebhookRetried',
      });
      const endpoint = lane.endpoints.get(endpointId);
      if (endpoint !== undefined && event.type === 'WebhookScheduled' && event.digest !== null)
        endpoint.digest = null;
      return;
    }
    case 'WebhookOmitted':
      omit(lane, event, cause?.summary ?? null);
      return;
    case 'AttemptStarted':
      start(lane, event.webhookId, event.attempt, startsAtMsOf(event));
      return;
    case 'AttemptFailed':
      land(lane, event);
      return;
    case 'WebhookProcessed': {
      const pending = lane.pending.get(event.webhookId);
      if (pending === undefined) return;
      release(lane, pending, event.startedAtMs);
      end(lane, pending, event.atMs);
      succeed(lane.endpoints.get(event.endpointId), pending);
      return;
    }
    case 'WebhookFailed': {
      const pending = lane.pending.get(event.webhookId);
      if (pending !== undefined) end(lane, pending, event.atMs);
      return;
    }
    case 'OrganizationCreated':
    case 'OrganizationSecretRotated':
      lane.secret = event.secret;
      return;
    case 'SecretsResealed':
      reseal(lane, lane.endpoints.values(), event);
      return;
    case 'OrganizationDeleted':
      lane.secret = null;
      lane.endpoints = noEntries();
      return;
    case 'EndpointCreated':
      lane.endpoints = put(
        lane.endpoints,
        event.endpointId,
        newEndpoint(event, event.endpointId, event.secret),
      );
      return;
    case 'EndpointChanged': {
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) change(endpoint, event);
      return;
    }
    case 'EndpointSecretRotated': {
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) rotate(endpoint, event);
      return;
    }
    case 'EndpointFailing': {
      const endpoint = lane.endpoints.get(event.endpointId);
      // It comes twice, when it is decided and from the log; meanwhile an attempt may have succeeded.
      if (endpoint?.failingSinceMs === event.failingSinceMs) endpoint.warned = true;
      return;
    }
    case 'EndpointDisabled': {
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) disable(endpoint, event.reason);
      return;
    }
    case 'EndpointDeleted':
      lane.endpoints = drop(lane.endpoints, event.endpointId);
      return;
    default:
      return;
  }
}

/** Lets a webhook wait for its endpoint. */
export function enqueue(lane: Lane, pending: Pending): void {
  lane.pending = put(lane.pending, pending.webhookId, pending);
  lane.retried = drop(lane.retried, pending.webhookId);
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint === undefined) return;
  endpoint.queue ??= newQueue();
  const { queue } = endpoint;
  queue.waiting.push(pending);
  queue.bytes += pending.body.length;
  if (!isFresh(pending)) return;
  queue.fresh++;
  queue.freshDueAtMs = Math.max(queue.freshDueAtMs, pending.dueAtMs);
}

function newQueue(): Queue {
  const waiting = new TinyQueue<Pending>([], byTurn);
  return { waiting, bytes: 0, fresh: 0, freshDueAtMs: Number.NEGATIVE_INFINITY };
}

function isFresh({ attempt, retried }: Pending): boolean {
  return attempt === 0 && !retried;
}

function dequeue(endpoint: LaneEndpoint, pending: Pending): void {
  const { queue } = endpoint;
  if (queue === null) return;
  if (queue.waiting.peek() === pending) queue.waiting.pop();
  else {
    const rest = queue.waiting.data.filter((other) => other !== pending);
    queue.waiting = new TinyQueue(rest, byTurn);
  }
  queue.bytes -= pending.body.length;
  if (isFresh(pending) && --queue.fresh === 0) queue.freshDueAtMs = Number.NEGATIVE_INFINITY;
  if (queue.waiting.length === 0) endpoint.queue = null;
}

function omit(lane: Lane, event: WebhookOmitted, summary: string | null): void {
  const endpoint = lane.endpoints.get(event.endpointId);
  if (endpoint === undefined) return;
  endpoint.omitted++;
  if (event.reason !== 'digest' || event.freeAtMs === null) return;
  const { eventId, webhookId, kind, atMs } = event;
  endpoint.digest = withEntry(endpoint.digest, { eventId, webhookId, kind, atMs, summary }, event.freeAtMs);
}

function start(lane: Lane, webhookId: WebhookId, attempt: number, atMs: number): void {
  const pending = lane.pending.get(webhookId);
  if (pending === undefined) return;
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint !== undefined) {
    dequeue(endpoint, pending);
    endpoint.inFlight++;
    endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, atMs);
    pending.tellsOmitted = endpoint.omitted;
    pending.timeoutMs = endpoint.timeoutMs;
  }
  pending.attempt = attempt;
  pending.startedAtMs = atMs;
}

/** An attempt has failed: the webhook waits for the next one, or is about to end. */
function land(lane: Lane, event: AttemptFailed): void {
  const pending = lane.pending.get(event.webhookId);
  if (pending === undefined) return;
  if (pending.interrupted) {
    // It waits already, since the lane was restored, and was never in flight in this process.
    pending.interrupted = false;
    pending.startedAtMs = null;
    return;
  }
  release(lane, pending, event.startedAtMs);
  pending.reconnects = event.error === 'closed';
  const counts = !isBlameless(event.error);
  if (counts) {
    pending.failures++;
    const endpoint = lane.endpoints.get(event.endpointId);
    if (endpoint !== undefined) {
      endpoint.failingSinceMs ??= event.atMs;
      endpoint.window = Math.max(1, Math.floor(endpoint.window / 2));
    }
  }
  if (event.nextAttemptAtMs === null) return;
  pending.startedAtMs = null;
  // What is made up for at once keeps its place.
  if (counts) pending.dueAtMs = event.nextAttemptAtMs;
  enqueue(lane, pending);
}

/** The endpoint has one request less in flight. The gap counts from when that really left. */
function release(lane: Lane, pending: Pending, startedAtMs: number): void {
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint === undefined) return;
  endpoint.inFlight--;
  endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, startedAtMs);
}

/** A webhook was delivered to the endpoint. */
function succeed(endpoint: LaneEndpoint | undefined, { tellsOmitted }: Pending): void {
  if (endpoint === undefined) return;
  endpoint.failingSinceMs = null;
  endpoint.warned = false;
  endpoint.toldOmitted = Math.max(endpoint.toldOmitted, tellsOmitted);
  endpoint.window = Math.min(MAX_IN_FLIGHT_PER_ENDPOINT, endpoint.window + 1);
}

/** A webhook is pending no longer. */
function end(lane: Lane, pending: Pending, atMs: number): void {
  const { webhookId, endpointId, attempt } = pending;
  lane.pending = drop(lane.pending, webhookId);
  if (pending.retried) remember(lane, webhookId, { attempt, atMs, endpointId });
  const endpoint = lane.endpoints.get(endpointId);
  if (endpoint !== undefined && isWaiting(pending)) dequeue(endpoint, pending);
}

function change(endpoint: LaneEndpoint, event: EndpointChanged): void {
  const begins = endpoint.url !== event.url || (endpoint.status === 'disabled' && event.status === 'active');
  Object.assign(endpoint, keptEndpointSettings(event));
  if (event.status === 'disabled') disable(endpoint, event.disabledReason);
  if (!begins) return;
  endpoint.failingSinceMs = null;
  endpoint.warned = false;
}

/** What a digest would have told is recorded as omitted, and can be recovered. */
function disable(endpoint: LaneEndpoint, reason: string | null): void {
  endpoint.status = 'disabled';
  endpoint.disabledReason = reason;
  endpoint.digest = null;
}
