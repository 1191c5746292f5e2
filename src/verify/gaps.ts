// Whether two requests to one endpoint ever started closer together than its gap. Pure.
//
// A request starts when its claim says, or when it left, if its outcome tells of later. What counts is the gap in force
// when the second one was claimed; where that is not known, the least that it may have been (see subscriptions.ts). All
// times are of the clock of who owned the lane. When that was put back, times before and after cannot be compared.

import { type AttemptStarted, startsAtMsOf } from '../events.ts';
import type { EndpointId, OrganizationId, WebhookId } from '../ids.ts';
import { keyOf } from './id-table.ts';
import type { Sweep } from './report.ts';
import type { Least } from './subscriptions.ts';
import type { ToldOfWebhook } from './told.ts';

export interface Gaps {
  /** Takes the next event of topic outbound in; `least`: of the endpoint's settings that may be in force. */
  take(stored: ToldOfWebhook, least: () => Least): void;
}

interface Start {
  webhookId: WebhookId;
  attempt: number;
  atMs: number;
}

interface Lane {
  /** The time of its last event. */
  atMs: number;
  /** The last request to each endpoint. */
  starts: Map<EndpointId, Start>;
}

export function createGaps({ findings, open, isMine }: Sweep): Gaps {
  const lanes = new Map<OrganizationId, Lane>();

  function laneOf(organizationId: OrganizationId): Lane {
    const lane = lanes.get(organizationId) ?? { atMs: Number.NEGATIVE_INFINITY, starts: new Map() };
    lanes.set(organizationId, lane);
    return lane;
  }

  function judge(stored: ToldOfWebhook, event: AttemptStarted, before: Start, { gapMs }: Least): void {
    const { organizationId, endpointId, webhookId, attempt } = event;
    // Without a gap many are in flight together, and may leave in another order than they were claimed.
    if (gapMs === 0) return;
    findings.checked('gaps');
    const betweenMs = startsAtMsOf(event) - before.atMs;
    if (betweenMs >= gapMs) return;
    const what = `attempt ${attempt} of ${webhookId} to ${endpointId} started ${betweenMs} ms after`;
    const message = `${what} attempt ${before.attempt} of ${before.webhookId}, and the gap is ${gapMs} ms`;
    findings.found('gaps', stored, message, { organizationId, endpointId, webhookId });
  }

  return {
    take(stored, least) {
      const { event } = stored;
      const { organizationId, endpointId } = event;
      const key = keyOf(endpointId);
      if (!isMine(key)) return;
      const lane = laneOf(organizationId);
      if (event.atMs < lane.atMs) {
        open.clocksPutBack++;
        lane.starts.clear();
      }
      lane.atMs = event.atMs;
      const last = lane.starts.get(endpointId);
      if (event.type === 'AttemptStarted') {
        if (last !== undefined) judge(stored, event, last, least());
        const { webhookId, attempt } = event;
        lane.starts.set(endpointId, { webhookId, attempt, atMs: startsAtMsOf(event) });
      } else if (event.type === 'AttemptFailed' || event.type === 'WebhookProcessed') {
        if (last?.webhookId === event.webhookId && last.attempt === event.attempt)
          last.atMs = Math.max(last.atMs, event.startedAtMs);
      }
    },
  };
}
