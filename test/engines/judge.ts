// What must hold of a run, whatever was done to it: judged from what was accepted, what is told of it, and what the
// subscribers have seen. Pure; it finds everything that is wrong, not the first thing alone.

import type { Arrival } from './subscriber.ts';

export interface Evidence {
  /** The ids of inbound webhooks that were answered 201. */
  posted: readonly string[];
  /** The ids of events that were published, and answered 201. */
  published: readonly string[];
  logs: readonly { id: string; inboundWebhookId: string }[];
  /** By organization: its endpoints. */
  endpoints: readonly Endpoint[];
  deliveries: readonly Delivery[];
  arrivals: readonly Arrival[];
  /** By how much an arrival may have been noticed late. */
  noiseMs: number;
  /** How often a process that sends was killed: so often may what was in flight be sent again. */
  crashes: number;
}

export interface Endpoint {
  id: string;
  organizationId: string;
  path: string;
  gapMs: number;
  /** Whether what fails is sent again by a schedule. */
  retries: boolean;
}

export interface Delivery {
  id: string;
  endpointId: string;
  organizationId: string;
  eventId: string;
  status: string;
  attempts: readonly { startedAt: string }[];
}

/** What is wrong, one line each; empty: nothing. */
export function judge(evidence: Evidence): string[] {
  return [
    ...judgeLogs(evidence),
    ...judgeDeliveries(evidence),
    ...judgeArrivals(evidence),
    ...judgeGaps(evidence),
  ];
}

function* judgeLogs({ posted, logs }: Evidence): Generator<string> {
  const byInbound = Map.groupBy(logs, ({ inboundWebhookId }) => inboundWebhookId);
  for (const id of posted) if (!byInbound.has(id)) yield `the accepted post ${id} has become no log`;
  for (const [id, found] of byInbound) if (found.length > 1) yield `${id} has become ${found.length} logs`;
}

function* judgeDeliveries({ posted, published, endpoints, deliveries }: Evidence): Generator<string> {
  const byTrigger = Map.groupBy(deliveries, ({ eventId, endpointId }) => `${eventId} ${endpointId}`);
  for (const [trigger, found] of byTrigger) {
    if (found.length > 1) yield `${trigger} has ${found.length} deliveries: ${found.map(({ id }) => id)}`;
  }
  const organizationOf = new Map(deliveries.map(({ eventId, organizationId }) => [eventId, organizationId]));
  const byOrganization = Map.groupBy(endpoints, ({ organizationId }) => organizationId);
  const triggers = [...posted.map((id) => id.replace('in_', 'evt_')), ...published];
  for (const eventId of triggers) {
    const organizationId = organizationOf.get(eventId);
    if (organizationId === undefined) {
      yield `the trigger ${eventId} has no delivery`;
      continue;
    }
    for (const { id } of byOrganization.get(organizationId) ?? []) {
      if (!byTrigger.has(`${eventId} ${id}`)) yield `the trigger ${eventId} has no delivery for ${id}`;
    }
  }
  for (const { id, status } of deliveries) {
    if (!['processed', 'omitted', 'error'].includes(status)) yield `${id} is ${status} in the end`;
  }
}

/** Requests that a killed process may have had in flight to one endpoint with a gap: one. */
const IN_FLIGHT = 1;

function* judgeArrivals({ deliveries, arrivals, endpoints, crashes }: Evidence): Generator<string> {
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const byWebhook = Map.groupBy(arrivals, ({ webhookId }) => webhookId);
  for (const { id, status } of deliveries) {
    if (status === 'processed' && !byWebhook.has(id)) yield `${id} is processed and has never arrived`;
    if (status === 'omitted' && byWebhook.has(id)) yield `${id} is omitted and has arrived`;
  }
  const endpointIds = new Map(endpoints.map(({ path, id }) => [path, id]));
  const repeats = new Map<string, number>();
  for (const [id, found] of byWebhook) {
    const delivery = byId.get(id);
    const [first] = found;
    if (delivery === undefined || first === undefined) {
      yield `${id} has arrived and is told of nowhere`;
      continue;
    }
    for (const { eventId, path } of found) {
      if (eventId !== delivery.eventId)
        yield `${id} has arrived with ${eventId}, and tells of ${delivery.eventId}`;
      if (endpointIds.get(path) !== delivery.endpointId)
        yield `${id} has arrived at ${path}, which is another endpoint`;
    }
    if (found.length > delivery.attempts.length) {
      yield `${id} has arrived ${found.length} times, with ${delivery.attempts.length} attempts`;
    }
    repeats.set(first.path, (repeats.get(first.path) ?? 0) + found.length - 1);
  }
  for (const { path, gapMs, retries } of endpoints) {
    const count = repeats.get(path) ?? 0;
    if (gapMs > 0 && !retries && count > crashes * IN_FLIGHT)
      yield `${path}: ${count} repeats at ${crashes} crashes`;
  }
}

/** Requests that were too close, by what the subscribers have seen and by what is told. */
export function* judgeGaps({ endpoints, deliveries, arrivals, noiseMs }: Evidence): Generator<string> {
  const byPath = Map.groupBy(arrivals, ({ path }) => path);
  const byEndpoint = Map.groupBy(deliveries, ({ endpointId }) => endpointId);
  for (const { id, path, gapMs } of endpoints) {
    if (gapMs === 0) continue;
    const seen = (byPath.get(path) ?? []).map(({ atMs, webhookId }) => ({ atMs, what: webhookId }));
    for (const [one, other, ms] of tooClose(seen, gapMs - noiseMs)) {
      yield `${path} (gap ${gapMs} ms): ${other} arrived ${ms.toFixed(1)} ms after ${one}`;
    }
    const told = (byEndpoint.get(id) ?? []).flatMap((delivery) =>
      delivery.attempts.map(({ startedAt }) => ({ atMs: Date.parse(startedAt), what: delivery.id })),
    );
    for (const [one, other, ms] of tooClose(told, gapMs)) {
      yield `${path} (gap ${gapMs} ms): ${other} is told to have started ${ms} ms after ${one}`;
    }
  }
}

function tooClose(
  times: readonly { atMs: number; what: string }[],
  leastMs: number,
): [string, string, number][] {
  const sorted = times.toSorted((a, b) => a.atMs - b.atMs);
  return sorted.flatMap(({ atMs, what }, i) => {
    const before = sorted[i - 1];
    const ms = before === undefined ? Number.POSITIVE_INFINITY : atMs - before.atMs;
    return ms < leastMs && before !== undefined ? [[before.what, what, ms]] : [];
  });
}
