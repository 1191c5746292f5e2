// The auditor: judges a run by the invariants of the design alone. It knows what was asked for and accepted, what
// stands in the log, what has left and when in true time, and the read models at the end. It knows nothing of how
// Hooklane decides: no code of its lanes, cranks or projections is used here.

import type { EndpointCreated, HooklaneEvent, WebhookEvent } from '../../src/events.ts';
import type { Written } from './log.ts';
import type { Departure } from './network.ts';

export interface Evidence {
  /** Ids of inbound webhooks that were answered 201. */
  accepted: ReadonlySet<string>;
  inbound: readonly Written[];
  organizations: readonly Written[];
  outbound: readonly Written[];
  departures: readonly Departure[];
  /** When a process was killed, stopped, or lost partitions, or its calls failed: in true time. */
  disturbances: readonly number[];
  live: ReadonlyMap<string, string>;
  rebuilt: ReadonlyMap<string, string>;
  bugs: readonly string[];
}

/** Something that must not be, and the invariant that it breaks; 0: it is no invariant, and yet a fault. */
export interface Finding {
  invariant: number;
  what: string;
}

/** Everything that is wrong. */
export function audit(evidence: Evidence): Finding[] {
  const endpoints = endpointsOf(evidence.organizations);
  return [
    ...evidence.bugs.map((what) => ({ invariant: 0, what })),
    ...auditAccepted(evidence),
    ...auditRecords(evidence),
    ...auditBirths(evidence, endpoints),
    ...auditLives(evidence),
    ...auditDigests(evidence),
    ...auditGaps(evidence, endpoints),
    ...auditRepeats(evidence),
    ...auditViews(evidence),
    ...auditOrder(evidence, endpoints),
  ];
}

interface Endpoint {
  id: string;
  created: EndpointCreated;
  /** What it subscribes to, and since which offset; ends with its being deleted. */
  fromOffset: number;
  toOffset: number;
  partition: number;
}

function endpointsOf(organizations: readonly Written[]): Map<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>();
  for (const { event, offset, partition } of organizations) {
    if (event.type === 'EndpointCreated') {
      const { endpointId: id } = event;
      endpoints.set(id, {
        id,
        created: event,
        fromOffset: offset,
        toOffset: Number.POSITIVE_INFINITY,
        partition,
      });
    }
    if (event.type === 'EndpointDeleted') {
      const endpoint = endpoints.get(event.endpointId);
      if (endpoint !== undefined) endpoint.toOffset = Math.min(endpoint.toOffset, offset);
    }
  }
  return endpoints;
}

function* auditAccepted({ accepted, inbound }: Evidence): Generator<Finding> {
  const stored = new Set<string>(inbound.map(({ event }) => (event.type === 'LogReceived' ? event.id : '')));
  for (const id of accepted)
    if (!stored.has(id)) yield { invariant: 1, what: `${id} was accepted and is lost` };
}

function* auditRecords({ inbound, organizations }: Evidence): Generator<Finding> {
  const became = new Map<string, Set<string>>();
  for (const { event } of organizations) {
    if (event.type === 'LogRecorded') put(became, event.inboundId, event.logId);
    if (event.type === 'InboundWebhookFailed') put(became, event.inboundId, 'an error');
  }
  for (const { event } of inbound) {
    if (event.type !== 'LogReceived') continue;
    const ends = became.get(event.id)?.size ?? 0;
    if (ends !== 1) yield { invariant: 2, what: `${event.id} has become ${ends} things` };
  }
}

interface Trigger {
  eventId: string;
  kind: string;
  organizationId: string;
  partition: number;
  offset: number;
  only: string | undefined;
}

/** What is a trigger, each the first time that it stands in the log. */
function triggersOf(organizations: readonly Written[]): Map<string, Trigger> {
  const triggers = new Map<string, Trigger>();
  for (const { event, partition, offset } of organizations) {
    const told = toldBy(event);
    if (told === undefined || triggers.has(told.eventId)) continue;
    const { organizationId } = event;
    if (organizationId === null) continue;
    triggers.set(told.eventId, { only: undefined, ...told, organizationId, partition, offset });
  }
  return triggers;
}

function toldBy(event: HooklaneEvent): (Pick<Trigger, 'eventId' | 'kind'> & { only?: string }) | undefined {
  switch (event.type) {
    case 'LogRecorded':
      return { eventId: `evt_${event.logId.slice('log_'.length)}`, kind: 'log.created' };
    case 'EventPublished':
      return { eventId: event.eventId, kind: event.kind };
    case 'EndpointDisabled':
      return { eventId: event.eventId, kind: 'endpoint.disabled' };
    case 'EndpointFailing':
      return { eventId: event.eventId, kind: 'endpoint.failing' };
    case 'EndpointTestRequested':
      return { eventId: event.eventId, kind: 'endpoint.test', only: event.endpointId };
    default:
      return undefined;
  }
}

function* auditBirths(
  { organizations, outbound }: Evidence,
  endpoints: ReadonlyMap<string, Endpoint>,
): Generator<Finding> {
  const births = new Map<string, number>();
  for (const { event } of outbound) {
    if (event.type !== 'WebhookScheduled' && event.type !== 'WebhookOmitted') continue;
    if (event.kind === 'digest') continue;
    const key = `${event.eventId} ${event.endpointId}`;
    births.set(key, (births.get(key) ?? 0) + 1);
  }
  const byOrganization = Map.groupBy(endpoints.values(), ({ created }) => created.organizationId);
  for (const trigger of triggersOf(organizations).values()) {
    for (const endpoint of byOrganization.get(trigger.organizationId as `org_${string}`) ?? []) {
      const key = `${trigger.eventId} ${endpoint.id}`;
      const count = births.get(key) ?? 0;
      births.delete(key);
      const expected = hears(endpoint, trigger) ? 1 : 0;
      if (count === expected) continue;
      // To be told twice is what forgotten positions must not lead to.
      const invariant = count > expected && expected === 1 ? 8 : 3;
      yield { invariant, what: `${trigger.kind} ${key} has ${count} webhooks and not ${expected}` };
    }
  }
  for (const key of births.keys()) yield { invariant: 3, what: `${key} is a webhook of no trigger` };
}

function hears({ id, created, fromOffset, toOffset }: Endpoint, { offset, kind, only }: Trigger): boolean {
  if (offset <= fromOffset || offset >= toOffset) return false;
  if (only !== undefined) return only === id;
  return created.events.some((pattern) =>
    pattern.endsWith('*') ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern,
  );
}

type State = 'unborn' | 'waiting' | 'in flight' | 'failed' | 'processed' | 'ended';

/** From which states an event leads to which. */
const LIFE: { readonly [T in WebhookEvent['type']]: readonly [from: readonly State[], to: State] } = {
  WebhookScheduled: [['unborn'], 'waiting'],
  WebhookOmitted: [['unborn'], 'ended'],
  WebhookRetried: [['ended'], 'waiting'],
  AttemptStarted: [['waiting', 'failed'], 'in flight'],
  AttemptFailed: [['in flight'], 'failed'],
  WebhookProcessed: [['in flight'], 'processed'],
  WebhookFailed: [['failed', 'waiting'], 'ended'],
};

function* auditLives({ outbound }: Evidence): Generator<Finding> {
  const states = new Map<string, State>();
  const attempts = new Map<string, number>();
  for (const { event } of outbound) {
    if (!isOutbound(event)) continue;
    const { webhookId } = event;
    const state = states.get(webhookId) ?? 'unborn';
    const [from, to] = LIFE[event.type];
    if (!from.includes(state))
      yield { invariant: 3, what: `${webhookId} is ${state}, then comes ${event.type}` };
    states.set(webhookId, to);
    if (event.type !== 'AttemptStarted') continue;
    const expected = (attempts.get(webhookId) ?? 0) + 1;
    if (event.attempt !== expected)
      yield { invariant: 3, what: `${webhookId}: attempt ${event.attempt}, not ${expected}` };
    attempts.set(webhookId, event.attempt);
  }
  for (const [webhookId, state] of states) {
    if (state !== 'processed' && state !== 'ended')
      yield { invariant: 3, what: `${webhookId} is ${state} for ever` };
  }
}

/** What a digest tells was omitted for it, and is told once. */
function* auditDigests({ outbound }: Evidence): Generator<Finding> {
  const untold = new Set<string>();
  for (const { event } of outbound) {
    if (event.type === 'WebhookOmitted' && event.reason === 'digest') untold.add(event.webhookId);
    if (event.type !== 'WebhookScheduled' || event.digest === null) continue;
    const { count, newest } = JSON.parse(event.digest) as { count: number; newest: { webhookId: string }[] };
    if (newest.length !== Math.min(count, 20))
      yield { invariant: 3, what: `${event.webhookId} counts ${count}` };
    for (const { webhookId } of newest) {
      if (!untold.delete(webhookId))
        yield { invariant: 3, what: `${event.webhookId} tells of ${webhookId} wrongly` };
    }
  }
}

function isOutbound(event: HooklaneEvent): event is WebhookEvent {
  return event.type in LIFE;
}

function* auditGaps({ departures }: Evidence, endpoints: ReadonlyMap<string, Endpoint>): Generator<Finding> {
  const byUrl = new Map([...endpoints.values()].map((endpoint) => [endpoint.created.url, endpoint]));
  const last = new Map<string, number>();
  for (const { url, atMs } of departures.toSorted((a, b) => a.atMs - b.atMs)) {
    const gapMs = byUrl.get(url)?.created.gapMs ?? 0;
    const betweenMs = atMs - (last.get(url) ?? Number.NEGATIVE_INFINITY);
    last.set(url, atMs);
    if (betweenMs < gapMs)
      yield { invariant: 4, what: `${url} was sent to after ${betweenMs} ms, and not ${gapMs}` };
  }
}

/** A request leaves at most so long after its claim; whatever happens to the process since then may cost its outcome. */
const TO_LEAVE_MS = 10_000;

function* auditRepeats({ departures, outbound, disturbances }: Evidence): Generator<Finding> {
  const processedAt = new Map<string, number>();
  for (const { event, atMs } of outbound) {
    if (event.type === 'WebhookProcessed') processedAt.set(event.webhookId, atMs);
  }
  const known = new Map<string, Departure[]>();
  for (const departure of departures.toSorted((a, b) => a.atMs - b.atMs)) {
    const { webhookId, atMs, body } = departure;
    const before = known.get(webhookId) ?? [];
    known.set(webhookId, [...before, departure]);
    if ((processedAt.get(webhookId) ?? Number.POSITIVE_INFINITY) < atMs) {
      yield { invariant: 5, what: `${webhookId} left once more after it was processed` };
    }
    for (const earlier of before) {
      if (earlier.body !== body) yield { invariant: 5, what: `${webhookId} has left with two bodies` };
      if (earlier.deliveredAtMs === undefined) continue;
      const disturbed = disturbances.some((at) => at >= earlier.atMs - TO_LEAVE_MS && at <= atMs);
      if (!disturbed) yield { invariant: 5, what: `${webhookId} was repeated, and nothing had happened` };
    }
  }
}

function* auditViews({ live, rebuilt }: Evidence): Generator<Finding> {
  for (const key of new Set([...live.keys(), ...rebuilt.keys()])) {
    const [was, is] = [live.get(key), rebuilt.get(key)];
    if (was !== is) yield { invariant: 6, what: `${key} is ${was}, and rebuilt ${is}` };
  }
}

function* auditOrder(
  { organizations, outbound }: Evidence,
  endpoints: ReadonlyMap<string, Endpoint>,
): Generator<Finding> {
  const triggers = triggersOf(organizations);
  /** By endpoint, the offset of the trigger that was decided last. */
  const decided = new Map<string, number>();
  const orderOf = new Map<string, number>();
  for (const { event } of outbound) {
    if (event.type === 'WebhookRetried') orderOf.delete(event.webhookId);
    if (event.type !== 'WebhookScheduled' && event.type !== 'WebhookOmitted') continue;
    const offset = triggers.get(event.eventId)?.offset;
    if (offset === undefined) continue;
    if (offset <= (decided.get(event.endpointId) ?? -1)) {
      yield { invariant: 7, what: `${event.webhookId} was decided after what came later` };
    }
    decided.set(event.endpointId, offset);
    if (event.type === 'WebhookScheduled') orderOf.set(event.webhookId, offset);
  }
  const begun = new Map<string, number>();
  for (const { event } of outbound) {
    if (event.type !== 'AttemptStarted' || event.attempt > 1) continue;
    const { webhookId, endpointId } = event;
    const order = orderOf.get(webhookId);
    if (order === undefined || endpoints.get(endpointId)?.created.gapMs === 0) continue;
    if (order < (begun.get(endpointId) ?? -1)) {
      yield { invariant: 7, what: `${webhookId} was begun after what came later` };
    }
    begun.set(endpointId, Math.max(order, begun.get(endpointId) ?? -1));
  }
}

function put<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
