// What the records of topic lanes tell of the lanes: in which state they are, what is due when, and how well endpoints
// are. Pure: records in, at one `nowMs`. A lane and what is pending in it stand in one partition, so what is kept of
// single lanes is let go after each.

import type { LaneEndpointState, LaneRecord, LaneSaved, PendingSaved } from '../events.ts';
import { toIso } from '../time.ts';

export interface LaneStates {
  /** A request is in flight. */
  sending: number;
  /** None is, but a webhook or a digest waits. */
  waiting: number;
  /** Nothing waits, and the gap of an endpoint is not over. */
  gap: number;
  /** Nothing waits, and what comes may be sent at once. */
  idle: number;
}

export interface Timers {
  /** Requests that have begun, and of which no end is known. */
  inFlight: number;
  /** Webhooks, and digests, that wait, by when they are due: now, within a minute, later. */
  due: number;
  withinMinute: number;
  later: number;
  /** Endpoints to which something should have been sent, or been answered, OVERDUE_MS ago. */
  overdue: number;
  /** Since when, and where, for the longest; null: nothing is overdue. */
  longestOverdue: { since: string; endpointId: string; organizationId: string } | null;
}

/** An endpoint that is not well. */
export interface Ailing {
  endpointId: string;
  organizationId: string;
  url: string;
  status: 'failing' | 'disabled';
  /** When the first attempt failed since one last succeeded, as far as that is known. */
  failingSince: string | null;
  disabledReason: string | null;
}

export interface EndpointHealth {
  active: number;
  /** Of the active ones, those of which nothing but failures was heard since some time. */
  failing: number;
  disabled: number;
  /** Of the active ones, those with a URL that begins with http: alone. */
  plain: number;
  /** Those that have failed for longest, then those that are disabled; a few. */
  worst: Ailing[];
}

export interface LanesSummary {
  lanes: number;
  /** Those that are being imported: nothing of them moves before that has come to its end. */
  importing: number;
  states: LaneStates;
  timers: Timers;
  endpoints: EndpointHealth;
}

/** What has waited for longer than it had to by so much is overdue: a dispatcher is missing, or has too much to do. */
export const OVERDUE_MS = 60_000;
const MINUTE_MS = 60_000;
/** Endpoints that are named. */
const MOST_AILING = 10;

export interface LanesReading {
  take(record: LaneRecord): void;
  /** All of a partition has been taken; another one begins. */
  settle(): void;
  summary(): LanesSummary;
}

interface Waiting {
  count: number;
  inFlight: number;
  /** When the first of them is due, and when the first request in flight must have ended. */
  dueAtMs: number;
  endsAtMs: number;
}

export function readLanes(nowMs: number): LanesReading {
  const saved = new Map<string, LaneSaved>();
  /** By organization, by endpoint. */
  const waiting = new Map<string, Map<string, Waiting>>();
  const states: LaneStates = { sending: 0, waiting: 0, gap: 0, idle: 0 };
  const timers: Timers = {
    ...{ inFlight: 0, due: 0, withinMinute: 0, later: 0, overdue: 0 },
    longestOverdue: null,
  };
  const health: EndpointHealth = { active: 0, failing: 0, disabled: 0, plain: 0, worst: [] };

  function countDue(dueAtMs: number): void {
    if (dueAtMs <= nowMs) timers.due++;
    else if (dueAtMs <= nowMs + MINUTE_MS) timers.withinMinute++;
    else timers.later++;
  }

  function takePending({ organizationId, endpointId, startedAtMs, timeoutMs, dueAtMs }: PendingSaved): void {
    const lane = waiting.get(organizationId) ?? new Map<string, Waiting>();
    waiting.set(organizationId, lane);
    const found = lane.get(endpointId) ?? newWaiting();
    lane.set(endpointId, found);
    if (startedAtMs === null) {
      countDue(dueAtMs);
      found.count++;
      found.dueAtMs = Math.min(found.dueAtMs, dueAtMs);
    } else {
      timers.inFlight++;
      found.inFlight++;
      found.endsAtMs = Math.min(found.endsAtMs, startedAtMs + timeoutMs);
    }
  }

  function settleEndpoint(lane: LaneSaved, endpoint: LaneEndpointState, found: Waiting): void {
    const { endpointId, status, gapMs, lastStartedAtMs, digest, failingSinceMs, url } = endpoint;
    if (status === 'disabled') health.disabled++;
    else {
      health.active++;
      if (failingSinceMs !== null) health.failing++;
      if (/^http:/i.test(url)) health.plain++;
    }
    if (digest !== null) countDue(digest.dueAtMs);
    const dueAtMs = Math.min(found.dueAtMs, digest?.dueAtMs ?? Number.POSITIVE_INFINITY);
    // What waits behind a request that is in flight waits for that.
    const moveAtMs = found.inFlight > 0 ? found.endsAtMs : Math.max(dueAtMs, lastStartedAtMs + gapMs);
    if (lane.importing === null && moveAtMs < nowMs - OVERDUE_MS) {
      timers.overdue++;
      const { organizationId } = lane;
      const since = toIso(moveAtMs);
      if (timers.longestOverdue === null || since < timers.longestOverdue.since)
        timers.longestOverdue = { since, endpointId, organizationId };
    }
    if (status === 'disabled' || failingSinceMs !== null) name(ailing(lane, endpoint));
  }

  function name(one: Ailing): void {
    health.worst.push(one);
    if (health.worst.length >= 2 * MOST_AILING) health.worst = worstOf(health.worst);
  }

  function settleLane(lane: LaneSaved): void {
    const found = waiting.get(lane.organizationId);
    let inFlight = 0;
    let waits = false;
    let inGap = false;
    for (const endpoint of lane.endpoints) {
      const own = found?.get(endpoint.endpointId) ?? newWaiting();
      settleEndpoint(lane, endpoint, own);
      inFlight += own.inFlight;
      waits ||= own.count > 0 || endpoint.digest !== null;
      inGap ||= endpoint.status === 'active' && endpoint.lastStartedAtMs + endpoint.gapMs > nowMs;
    }
    states[inFlight > 0 ? 'sending' : waits ? 'waiting' : inGap ? 'gap' : 'idle']++;
  }

  let lanes = 0;
  let importing = 0;
  function settle(): void {
    lanes += saved.size;
    for (const lane of saved.values()) {
      settleLane(lane);
      if (lane.importing !== null) importing++;
    }
    saved.clear();
    waiting.clear();
  }

  return {
    take(record) {
      if (record.type === 'LaneSaved') saved.set(record.organizationId, record);
      else if (record.type === 'PendingSaved') takePending(record);
    },
    settle,
    summary() {
      settle();
      return { lanes, importing, states, timers, endpoints: { ...health, worst: worstOf(health.worst) } };
    },
  };
}

function newWaiting(): Waiting {
  return {
    ...{ count: 0, inFlight: 0 },
    ...{ dueAtMs: Number.POSITIVE_INFINITY, endsAtMs: Number.POSITIVE_INFINITY },
  };
}

function ailing({ organizationId }: LaneSaved, endpoint: LaneEndpointState): Ailing {
  const { endpointId, url, status, failingSinceMs, disabledReason } = endpoint;
  return {
    ...{ endpointId, organizationId, url },
    status: status === 'disabled' ? 'disabled' : 'failing',
    failingSince: failingSinceMs === null ? null : toIso(failingSinceMs),
    disabledReason,
  };
}

/** Failing ones first, as something can still be done; the longest first. */
function worstOf(all: readonly Ailing[]): Ailing[] {
  const rank = ({ status, failingSince }: Ailing) =>
    `${status === 'failing' ? 0 : 1} ${failingSince ?? 'unknown'}`;
  return all.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, MOST_AILING);
}
