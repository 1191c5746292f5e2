// The lane: everything that must be known about one organization to decide what is sent to whom, and when.
//
//     a trigger ──▶ WebhookScheduled (it waits) ──▶ AttemptStarted (it is in flight) ──▶ WebhookProcessed
//        │                    ▲                                        │
//        └▶ WebhookOmitted    └──────── AttemptFailed ◀────────────────┴──▶ AttemptFailed, WebhookFailed
//
// decide.ts says which events follow from an input, evolve.ts what an event changes; both are pure but for the
// lane that evolve() is given to change. Neither reads a clock, and neither knows of logs, sockets or timers.
// To have a webhook wait and to start it are two decisions: that is how a retry and a fresh trigger compete for
// the same slot (the one that has been due for longer goes first), and how a bound on requests in flight never
// costs a webhook.

import type TinyQueue from 'tinyqueue';
import type { AttemptError, DigestState, EndpointSettings, Forgotten, ImportPhase } from '../events.ts';
import type { EndpointId, EventId, OrganizationId, WebhookId } from '../ids.ts';
import { NO_SECRETS, type SigningSecrets } from '../sealed.ts';
import { keptEndpointSettings } from '../settings.ts';
import { noEntries } from './small-map.ts';

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
  inboundSeen: ReadonlyMap<number, number>;
  /** The organization's publicSecret, sealed; null: deleted. */
  secret: string | null;
  endpoints: ReadonlyMap<EndpointId, LaneEndpoint>;
  /** What is pending: it waits, or is in flight. */
  pending: ReadonlyMap<WebhookId, Pending>;
  /** How what an operator had tried again has ended since, oldest first (see retried.ts). */
  retried: ReadonlyMap<WebhookId, RetriedEnd>;
  /** Webhooks of which the topic does not have what the lane has, beside those that a turn has changed; null: none. */
  unsaved: WebhookId[] | null;
  /** While the organization is being imported, how far that has come: nothing is started until it is over. */
  importing: ImportPhase | null;
}

export interface LaneEndpoint extends EndpointSettings, SigningSecrets {
  readonly endpointId: EndpointId;
  /** When the last request to it started, as far as is known; -Infinity: never. */
  lastStartedAtMs: number;
  /** When the first attempt failed since one last succeeded; null: the last one succeeded. */
  failingSinceMs: number | null;
  /** Whether EndpointFailing has told of that. */
  warned: boolean;
  /** Webhooks omitted so far, and how many of them the webhooks that were delivered have told of. */
  omitted: number;
  toldOmitted: number;
  /** What the next digest tells; null: nothing. */
  digest: DigestState | null;
  /** Retries whose ends the lane has forgotten; null: none (see retried.ts). */
  forgotten: Forgotten | null;
  inFlight: number;
  /**
   * How many may be in flight, where there is no gap: one at first, one more with each success, half with each
   * failure. A receiver that hangs holds few of the requests that all endpoints share.
   */
  window: number;
  /** What waits; null: nothing does. */
  queue: Queue | null;
  /** When the crank will look at the endpoint again; null: when something happens to it. */
  timerAtMs: number | null;
}

/** What waits for an endpoint. */
export interface Queue {
  /** The one that is due first on top. */
  waiting: TinyQueue<Pending>;
  /** Bytes of the bodies that wait. */
  bytes: number;
  /** How many wait for their first attempt and were never ended. */
  fresh: number;
  /** When the last of these is due: what comes next is due no earlier, whatever the clock says. */
  freshDueAtMs: number;
}

export interface Pending {
  readonly webhookId: WebhookId;
  readonly endpointId: EndpointId;
  readonly eventId: EventId;
  readonly kind: string;
  /** The body of the request. */
  readonly body: Buffer;
  /** Whether an operator had it tried again. */
  readonly retried: boolean;
  /** Of two that are due at once the lesser goes first: the offset of what it was made of. */
  readonly order: number;
  /** Attempts started so far. */
  attempt: number;
  /** Attempts that failed since the schedule of retries began. */
  failures: number;
  /** When the attempt in flight was started; null: it waits. */
  startedAtMs: number | null;
  /** The time it was given, as the endpoint's may be changed meanwhile; 0: it is not known, or none was started. */
  timeoutMs: number;
  /** Not to be started before. */
  dueAtMs: number;
  /** Its last attempt has no outcome, and never will: the process that made it has died. */
  interrupted: boolean;
  /** Its last attempt found its connection closed: the next one makes one of its own. Not saved: a new process has kept none. */
  reconnects: boolean;
  /** The endpoint's count of omitted webhooks that the attempt in flight tells of. */
  tellsOmitted: number;
}

/** How a webhook ended that an operator had tried again. */
export interface RetriedEnd {
  /** How many attempts it had had. */
  attempt: number;
  atMs: number;
  /** Null where it is not known: older releases and imports do not say. */
  endpointId: EndpointId | null;
}

/** What one request came to. */
export interface Outcome {
  /** When the request left, or would have. */
  startedAtMs: number;
  durationMs: number;
  responseCode: number | null;
  responseBody: string | null;
  /** How long the receiver asks to be left alone (`Retry-After`); null: it does not say. */
  retryAfterMs: number | null;
  /** Null: answered with 2xx in time. */
  failure: { error: AttemptError; detail: string } | null;
}

/** An endpoint to which nothing was ever sent. */
export function newEndpoint(
  settings: EndpointSettings,
  endpointId: EndpointId,
  secret: string,
): LaneEndpoint {
  const { url, events, gapMs, timeoutMs, whenBusy, maxQueued, retriesMs, status, disabledReason } =
    keptEndpointSettings(settings);
  // Field by field: with a spread the object takes 70 bytes more, as V8 does not know its fields beforehand.
  return {
    url,
    events,
    gapMs,
    timeoutMs,
    whenBusy,
    maxQueued,
    retriesMs,
    status,
    disabledReason,
    endpointId,
    secret,
    previousSecrets: NO_SECRETS,
    lastStartedAtMs: Number.NEGATIVE_INFINITY,
    failingSinceMs: null,
    warned: false,
    omitted: 0,
    toldOmitted: 0,
    digest: null,
    forgotten: null,
    inFlight: 0,
    window: 1,
    queue: null,
    timerAtMs: null,
  };
}

/** The lane of an organization of which nothing is known yet. */
export function newLane(organizationId: OrganizationId): Lane {
  return {
    organizationId,
    seen: -1,
    inboundSeen: noEntries(),
    secret: null,
    endpoints: noEntries(),
    pending: noEntries(),
    retried: noEntries(),
    unsaved: null,
    importing: null,
  };
}

/** Whether a pending webhook waits to be started; else it is in flight. */
export function isWaiting(pending: Pending): boolean {
  return pending.startedAtMs === null || pending.interrupted;
}

/** Which of two that wait goes first. */
export function byTurn(a: Pending, b: Pending): number {
  return a.dueAtMs - b.dueAtMs || a.order - b.order || (a.webhookId < b.webhookId ? -1 : 1);
}

/** When the endpoint's gap is over. */
export function freeAtMs(endpoint: LaneEndpoint): number {
  return endpoint.gapMs === 0 ? Number.NEGATIVE_INFINITY : endpoint.lastStartedAtMs + endpoint.gapMs;
}

/** Whether as much waits for the endpoint as may. */
export function isFull({ queue }: LaneEndpoint): boolean {
  return queue !== null && (queue.waiting.length >= MAX_WAITING || queue.bytes >= MAX_WAITING_BYTES);
}

/** Whether nothing happens in the lane by itself, and all that must be known of it is in its record (see snapshot.ts). */
export function isQuiet({ pending, retried, unsaved, importing, endpoints }: Lane, nowMs: number): boolean {
  if (pending.size > 0 || retried.size > 0 || unsaved !== null || importing !== null) return false;
  for (const endpoint of endpoints.values()) {
    const { inFlight, queue, digest, timerAtMs } = endpoint;
    // A gap begins later when the clock is put forward, so whose gap is not over must be there then.
    if (inFlight > 0 || queue !== null || digest !== null || timerAtMs !== null) return false;
    if (freeAtMs(endpoint) > nowMs) return false;
  }
  return true;
}

/** When what comes next for the endpoint is due, a digest or what waits longest; Infinity: nothing waits. */
export function dueAtMs(endpoint: LaneEndpoint): number {
  const waits = endpoint.queue?.waiting.peek()?.dueAtMs ?? Number.POSITIVE_INFINITY;
  return Math.min(waits, endpoint.digest?.dueAtMs ?? Number.POSITIVE_INFINITY);
}

/**
 * Whether it is for the gap that waits what goes next: not for its own time, as a retry, and not for what has been sent already,
 * perhaps, and may be under way until its time has come.
 */
export function waitsForGap(endpoint: LaneEndpoint): boolean {
  const isInDoubt = endpoint.queue?.waiting.peek()?.interrupted === true;
  return freeAtMs(endpoint) >= dueAtMs(endpoint) && !isInDoubt;
}

/** When the endpoint's next webhook may be started; undefined: none waits, or an outcome must come first. */
export function wakeAtMs(endpoint: LaneEndpoint): number | undefined {
  const due = dueAtMs(endpoint);
  const most = endpoint.gapMs === 0 ? endpoint.window : 1;
  if (due === Number.POSITIVE_INFINITY || endpoint.inFlight >= most) return undefined;
  return Math.max(due, freeAtMs(endpoint));
}
