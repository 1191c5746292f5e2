// What events make of a lane: the other half of lane.ts. An event is a fact, so nothing here can refuse one;
// what does not concern the lane changes nothing.

import TinyQueue from 'tinyqueue';
import type { AttemptFailed, OrganizationEvent, OutboundEvent } from '../events.ts';
import type { WebhookId } from '../ids.ts';
import { endpointSettings } from '../settings.ts';
import { isWaiting, type Lane, type LaneEndpoint, newEndpoint, type Pending } from './lane.ts';

/**
 * Changes `lane` by what has happened. `body` is that of the requests which a WebhookScheduled or WebhookRetried
 * announces, `cause` what they tell of.
 */
export function evolve(lane: Lane, event: OutboundEvent | OrganizationEvent, cause?: Cause): void {
  switch (event.type) {
    case 'WebhookScheduled':
    case 'WebhookRetried':
      if (cause === undefined) throw new Error(`${event.type} needs its cause`);
      enqueue(lane, {
        webhookId: event.webhookId,
        endpointId: event.endpointId,
        ...cause,
        startedAtMs: null,
        dueAtMs: event.dueAtMs,
        interrupted: false,
      });
      return;
    case 'AttemptStarted':
      start(lane, event.webhookId, event.attempt, event.atMs);
      return;
    case 'AttemptFailed':
      land(lane, event);
      return;
    case 'WebhookProcessed': {
      const pending = lane.pending.get(event.webhookId);
      if (pending === undefined) return;
      release(lane, pending, event.startedAtMs);
      lane.pending.delete(event.webhookId);
      return;
    }
    case 'WebhookFailed':
      end(lane, event.webhookId);
      return;
    case 'OrganizationCreated':
    case 'OrganizationSecretRotated':
      lane.secret = event.secret;
      return;
    case 'OrganizationDeleted':
      lane.secret = null;
      lane.endpoints.clear();
      return;
    case 'EndpointCreated':
      lane.endpoints.set(event.endpointId, newEndpoint(event, event.endpointId, event.secret));
      return;
    case 'EndpointChanged': {
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) Object.assign(endpoint, endpointSettings(event));
      return;
    }
    case 'EndpointSecretRotated': {
      const endpoint = lane.endpoints.get(event.endpointId);
      if (endpoint !== undefined) endpoint.secret = event.secret;
      return;
    }
    case 'EndpointDeleted':
      lane.endpoints.delete(event.endpointId);
      return;
    default:
      return;
  }
}

/** What a webhook tells of, and how often that was tried. */
export type Cause = Pick<Pending, 'eventId' | 'kind' | 'body' | 'attempt'>;

/** Lets a webhook wait for its endpoint. */
export function enqueue(lane: Lane, pending: Pending): void {
  lane.pending.set(pending.webhookId, pending);
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint === undefined) return;
  endpoint.waiting ??= new TinyQueue<Pending>([], byDueTime);
  endpoint.waiting.push(pending);
  endpoint.waitingBytes += pending.body.length;
}

function byDueTime(a: Pending, b: Pending): number {
  return a.dueAtMs - b.dueAtMs || (a.webhookId < b.webhookId ? -1 : 1);
}

function dequeue(endpoint: LaneEndpoint, pending: Pending): void {
  const { waiting } = endpoint;
  if (waiting === undefined) return;
  if (waiting.peek() === pending) waiting.pop();
  else {
    const rest = waiting.data.filter((other) => other !== pending);
    endpoint.waiting = new TinyQueue(rest, byDueTime);
  }
  endpoint.waitingBytes -= pending.body.length;
  if (endpoint.waiting?.length === 0) endpoint.waiting = undefined;
}

function start(lane: Lane, webhookId: WebhookId, attempt: number, atMs: number): void {
  const pending = lane.pending.get(webhookId);
  if (pending === undefined) return;
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint !== undefined) {
    dequeue(endpoint, pending);
    endpoint.inFlight++;
    endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, atMs);
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
  if (event.nextAttemptAtMs === null) return;
  pending.startedAtMs = null;
  pending.dueAtMs = event.nextAttemptAtMs;
  enqueue(lane, pending);
}

/** The endpoint has one request less in flight. The gap counts from when that really left. */
function release(lane: Lane, pending: Pending, startedAtMs: number): void {
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint === undefined) return;
  endpoint.inFlight--;
  endpoint.lastStartedAtMs = Math.max(endpoint.lastStartedAtMs, startedAtMs);
}

/** A webhook is pending no longer. */
function end(lane: Lane, webhookId: WebhookId): void {
  const pending = lane.pending.get(webhookId);
  if (pending === undefined) return;
  lane.pending.delete(webhookId);
  const endpoint = lane.endpoints.get(pending.endpointId);
  if (endpoint !== undefined && isWaiting(pending)) dequeue(endpoint, pending);
}
