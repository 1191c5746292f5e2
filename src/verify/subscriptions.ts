// Who hears of which trigger, and which gap an endpoint has, by topic organizations alone: what it says, in its order, is
// what the lanes go by. It knows nothing of how they decide. Pure.

import type { EndpointChanged, EndpointCreated, LaneEndpointState, OrganizationEvent } from '../events.ts';
import type { EndpointId, OrganizationId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { subscribesTo, type Trigger, triggerOf } from '../trigger.ts';

/** A trigger, and who is to hear of it. */
export interface Heard {
  trigger: Trigger;
  by: EndpointId[];
}

/** What is never more than an endpoint's setting was, whichever of those that may have been in force it was. */
export interface Least {
  gapMs: number;
  timeoutMs: number;
}

export interface Subscriptions {
  /** Takes the next event of a partition in; returns the trigger that it is. */
  take(stored: StoredEvent<'organizations'>): Heard | undefined;
  /**
   * The least settings of an endpoint that may have been in force at `atMs`, when its lane had taken in all up to offset
   * `after`, and nobody knows how much more.
   */
  leastOf(endpointId: EndpointId, after: number, atMs: number): Least;
}

interface Setting extends Least {
  offset: number;
  atMs: number;
}

/** What was changed so long after an attempt was not in force for it, whatever clocks stamped both. */
const SLACK_MS = 60_000;
/** Changes of gap or timeout that are remembered of an endpoint; older ones are taken for one, the least of them. */
const MAX_SETTINGS = 1_000;

export function createSubscriptions(): Subscriptions {
  /** What the endpoints of an organization that are there now subscribe to. */
  const organizations = new Map<OrganizationId, Map<EndpointId, readonly string[]>>();
  /** The settings of every endpoint that ever was, oldest first. */
  const settings = new Map<EndpointId, Setting[]>();

  function endpointsOf(organizationId: OrganizationId): Map<EndpointId, readonly string[]> {
    const known = organizations.get(organizationId) ?? new Map<EndpointId, readonly string[]>();
    organizations.set(organizationId, known);
    return known;
  }

  function set(
    organizationId: OrganizationId,
    endpoint: EndpointCreated | EndpointChanged | LaneEndpointState,
    { offset, atMs }: { offset: number; atMs: number },
  ): void {
    const { endpointId, events, gapMs, timeoutMs } = endpoint;
    endpointsOf(organizationId).set(endpointId, events);
    const known = settings.get(endpointId) ?? [];
    const last = known.at(-1);
    if (last?.gapMs === gapMs && last.timeoutMs === timeoutMs) return;
    known.push({ offset, atMs, gapMs, timeoutMs });
    const [oldest, next] = known;
    if (known.length > MAX_SETTINGS && oldest && next)
      known.splice(0, 2, { ...oldest, ...least(oldest, next) });
    settings.set(endpointId, known);
  }

  function configure({ event, offset }: StoredEvent<'organizations'>): void {
    switch (event.type) {
      case 'EndpointCreated':
        set(event.organizationId, event, { offset, atMs: event.atMs });
        return;
      case 'EndpointChanged':
        if (endpointsOf(event.organizationId).has(event.endpointId))
          set(event.organizationId, event, { offset, atMs: event.atMs });
        return;
      case 'LaneImported':
        // Of when, it does not say: it may have been in force since ever.
        for (const endpoint of event.endpoints)
          set(event.organizationId, endpoint, { offset, atMs: Number.NEGATIVE_INFINITY });
        return;
      case 'EndpointDeleted':
        endpointsOf(event.organizationId).delete(event.endpointId);
        return;
      case 'OrganizationDeleted':
        organizations.delete(event.organizationId);
        return;
      default:
        return;
    }
  }

  function heardBy(event: OrganizationEvent): Heard | undefined {
    const trigger = triggerOf(event);
    if (trigger === undefined) return undefined;
    const { organizationId, kind, only } = trigger;
    const by: EndpointId[] = [];
    for (const [endpointId, events] of organizations.get(organizationId) ?? []) {
      if (only === null ? subscribesTo(events, kind) : only.endpointId === endpointId) by.push(endpointId);
    }
    return { trigger, by };
  }

  return {
    take(stored) {
      configure(stored);
      return heardBy(stored.event);
    },
    leastOf(endpointId, after, atMs) {
      const all = settings.get(endpointId) ?? [];
      const first = Math.max(
        0,
        all.findLastIndex(({ offset }) => offset <= after),
      );
      const candidates = all.slice(first).filter((setting, i) => i === 0 || setting.atMs <= atMs + SLACK_MS);
      return candidates.reduce(least, candidates[0] ?? NOTHING_KNOWN);
    },
  };
}

const NOTHING_KNOWN: Least = { gapMs: 0, timeoutMs: 0 };

function least(a: Least, b: Least): Least {
  return { gapMs: Math.min(a.gapMs, b.gapMs), timeoutMs: Math.min(a.timeoutMs, b.timeoutMs) };
}
