// given / when / then for lanes, and the events that stories are made of, with defaults for what a story does
// not care about.

import assert from 'node:assert/strict';
import { decide, type LaneEvent, type LaneInput } from '../../src/dispatch/decide.ts';
import { type Cause, evolve } from '../../src/dispatch/evolve.ts';
import { type Lane, newLane, type Outcome } from '../../src/dispatch/lane.ts';
import type {
  AttemptFailed,
  AttemptStarted,
  EndpointCreated,
  OrganizationCreated,
  OrganizationEvent,
  WebhookProcessed,
  WebhookScheduled,
} from '../../src/events.ts';
import type { Trigger } from '../../src/trigger.ts';

const ULID = '01J00000000000000000000000';
export const organizationId = `org_${ULID}` as const;
export const endpointId = `ep_${ULID}` as const;
export const otherEndpointId = 'ep_01J00000000000000000000001' as const;
export const webhookId = `wh_${ULID}` as const;
export const otherWebhookId = 'wh_01J00000000000000000000001' as const;
export const eventId = `evt_${ULID}` as const;

export const cause: Cause = {
  eventId,
  kind: 'log.created',
  body: Buffer.from('{}'),
  attempt: 0,
  order: 0,
  summary: null,
};

export function organizationCreated(): OrganizationCreated {
  return { type: 'OrganizationCreated', organizationId, atMs: 0, name: 'acme', secret: 'sealed' };
}

export function endpointCreated(settings: Partial<EndpointCreated> = {}): EndpointCreated {
  return {
    type: 'EndpointCreated',
    organizationId,
    endpointId,
    atMs: 0,
    secret: 'sealed',
    url: 'http://127.0.0.1:1/',
    events: ['log.*'],
    gapMs: 5_000,
    timeoutMs: 5_000,
    whenBusy: 'omit',
    maxQueued: 100,
    retriesMs: [],
    status: 'active',
    disabledReason: null,
    ...settings,
  };
}

export function scheduled(facts: Partial<WebhookScheduled> = {}): WebhookScheduled {
  const kind = 'log.created';
  const ids = { webhookId, organizationId, endpointId, eventId };
  return { type: 'WebhookScheduled', ...ids, kind, atMs: 0, dueAtMs: 0, digest: null, ...facts };
}

export function attemptStarted(facts: Partial<AttemptStarted> = {}): AttemptStarted {
  return {
    type: 'AttemptStarted',
    webhookId,
    organizationId,
    endpointId,
    attempt: 1,
    atMs: 0,
    startsAtMs: null,
    host: 'subscriber.example',
    ...facts,
  };
}

const result = {
  webhookId,
  organizationId,
  endpointId,
  attempt: 1,
  atMs: 0,
  startedAtMs: 0,
  durationMs: 0,
  responseCode: 200,
  responseBody: '',
};

export function processed(facts: Partial<WebhookProcessed> = {}): WebhookProcessed {
  return { type: 'WebhookProcessed', ...result, ...facts };
}

export function attemptFailed(facts: Partial<AttemptFailed> = {}): AttemptFailed {
  const failure = { responseCode: 500, error: 'status', detail: 'answered 500' } as const;
  return { type: 'AttemptFailed', ...result, ...failure, nextAttemptAtMs: null, ...facts };
}

export function triggered(facts: Partial<Trigger> = {}): LaneInput {
  const told = { summary: null, only: null };
  const trigger = {
    eventId,
    organizationId,
    kind: 'log.created',
    atMs: 0,
    data: () => '{}',
    ...told,
    ...facts,
  };
  return { type: 'Triggered', trigger };
}

export function received(event: OrganizationEvent): LaneInput {
  return { type: 'Received', event };
}

export function slotOffered(aheadMs = 0): LaneInput {
  return { type: 'SlotOffered', endpointId, aheadMs };
}

export function attemptFinished(
  facts: Partial<Outcome> = {},
  { attempt = 1, disableAfterMs = Number.POSITIVE_INFINITY } = {},
): LaneInput {
  const outcome = {
    startedAtMs: 0,
    durationMs: 12,
    responseCode: 200,
    responseBody: 'ok',
    retryAfterMs: null,
    failure: null,
    ...facts,
  };
  return { type: 'AttemptFinished', webhookId, attempt, outcome, disableAfterMs };
}

export const answered500: Partial<Outcome> = {
  responseCode: 500,
  failure: { error: 'status', detail: 'answered 500' },
};

/** A lane to which these things have happened. */
export function laneAfter(...events: (OrganizationEvent | LaneEvent)[]): Lane {
  const lane = newLane(organizationId);
  evolve(lane, organizationCreated());
  for (const event of events) evolve(lane, event, cause);
  return lane;
}

/** What must be among the fields of the events that follow, in order, and no event more. */
type Expected = { type: LaneEvent['type'] } & Record<string, unknown>;

/** given(what happened).when(an input, { at }).then(what follows). */
export function given(...events: (OrganizationEvent | LaneEvent)[]) {
  return {
    when(input: LaneInput, { at }: { at: number }) {
      const lane = laneAfter(...events);
      const decided = decide(lane, input, at);
      return {
        // biome-ignore lint/suspicious/noThenProperty: given, when, then is how stories read; nobody awaits them
        then(...expected: Expected[]) {
          assert.deepEqual(
            decided.map((event, i) => pick(event, expected[i])),
            expected,
          );
        },
      };
    },
  };
}

function pick(event: LaneEvent, like: Expected | undefined) {
  const keys = Object.keys(like ?? event);
  return Object.fromEntries(Object.entries(event).filter(([key]) => keys.includes(key)));
}
