// What a lane remembers of webhooks that an operator had tried again and that have ended since. Pure but for the lane that
// is given to be changed.
//
// Two operators may ask for the same webhooks at once, or one twice: the second request is in the log behind the end of
// what the first one has led to, or is written even later, by who reads read models that are behind. A request says how
// many attempts its webhook had had; where there have been more since, what it asks for has been done.
//
// How many there have been is remembered of each such webhook, in a record of its own in topic lanes that takes the
// place of its PendingSaved. So what a turn writes does not grow with what is remembered. It is forgotten
//
// - once topic organizations has come to what was written REMEMBERED_MS later (events say when): whoever asks behind that
//   knows of the end, or has read models that are behind by as much, and then it is sent again. Time alone would not do:
//   while no dispatcher runs, requests wait.
// - beyond MAX_REMEMBERED, the oldest first. Then the endpoint remembers up to which webhook, and when, that was. Of one up
//   to there of which nothing is known a request written before is not taken up: it may have been delivered. An operator
//   who recovers more than that goes by age, so what he asks for first lies beyond; what is refused wrongly stays in error
//   and can be asked for again.

import type { Forgotten, WebhookRetryRequested } from '../events.ts';
import type { EndpointId, WebhookId } from '../ids.ts';
import { MAX_SKEW_MS } from '../time.ts';
import type { Lane, RetriedEnd } from './lane.ts';
import { drop, put } from './small-map.ts';

/** Ends that a lane remembers. */
export const MAX_REMEMBERED = 10_000;
/** For how long it does, by the time of what it reads. */
export const REMEMBERED_MS = 7 * 24 * 3_600_000;

/** Whether what is asked for has been done already, or may have been. */
export function isDone({ retried, endpoints }: Lane, asked: WebhookRetryRequested): boolean {
  const { webhookId, endpointId, attemptCount, atMs } = asked;
  const end = retried.get(webhookId);
  if (end !== undefined) return end.attempt > attemptCount;
  const forgotten = endpoints.get(endpointId)?.forgotten ?? null;
  return forgotten !== null && webhookId <= forgotten.upTo && atMs <= forgotten.untilMs + MAX_SKEW_MS;
}

/** Remembers an end, and forgets the oldest where there are too many. */
export function remember(lane: Lane, webhookId: WebhookId, end: RetriedEnd): void {
  lane.retried = put(drop(lane.retried, webhookId), webhookId, end);
  lane.unsaved ??= [];
  lane.unsaved.push(webhookId);
  if (lane.retried.size <= MAX_REMEMBERED) return;
  for (const [oldest, { endpointId, atMs }] of lane.retried) {
    lane.retried = drop(lane.retried, oldest);
    lane.unsaved.push(oldest);
    const ids = endpointId === null ? lane.endpoints.keys() : [endpointId];
    for (const id of ids) noteForgotten(lane, id, { upTo: oldest, untilMs: atMs });
    return;
  }
}

function noteForgotten({ endpoints }: Lane, id: EndpointId, { upTo, untilMs }: Forgotten): void {
  const endpoint = endpoints.get(id);
  if (endpoint === undefined) return;
  const before = endpoint.forgotten ?? { upTo, untilMs };
  endpoint.forgotten = {
    upTo: before.upTo > upTo ? before.upTo : upTo,
    untilMs: Math.max(before.untilMs, untilMs),
  };
}

/** Forgets what ended long before `heardAtMs`, of when the newest event is that was taken in; whether anything did. */
export function forgetOld(lane: Lane, heardAtMs: number): boolean {
  // What an import brings was written before all that is remembered of it.
  if (lane.importing !== null) return false;
  const before = lane.retried.size;
  for (const [webhookId, { atMs }] of lane.retried) {
    if (atMs >= heardAtMs - REMEMBERED_MS) break;
    lane.retried = drop(lane.retried, webhookId);
    lane.unsaved ??= [];
    lane.unsaved.push(webhookId);
  }
  return lane.retried.size < before;
}
