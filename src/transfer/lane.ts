// A lane, as the records of topic `lanes` have it, as the events that bring it into another log. Positions stay
// behind: they are of the log that it comes from.

import type { LaneImported, LaneRecord, WebhookImported } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import { unexpired } from '../sealed.ts';

/** The lane, as it is at `nowMs`, and what is pending in it, oldest first; an empty one where there are no records of it yet. */
export function importedLane(
  records: readonly LaneRecord[],
  organizationId: OrganizationId,
  nowMs: number,
): [LaneImported, ...WebhookImported[]] {
  let lane: LaneImported = {
    type: 'LaneImported',
    organizationId,
    secret: null,
    endpoints: [],
    retried: {},
  };
  const webhooks: WebhookImported[] = [];
  const ends: Record<string, number> = {};
  for (const record of records) {
    if (record.type === 'LaneSaved') {
      const { secret, retried } = record;
      const endpoints = record.endpoints.map((endpoint) => ({
        ...endpoint,
        previousSecrets: unexpired(endpoint.previousSecrets, nowMs),
      }));
      lane = { ...lane, secret, endpoints, retried };
    } else if (record.type === 'PendingSaved') webhooks.push({ ...record, type: 'WebhookImported' });
    else if (record.type === 'RetriedSaved') ends[record.webhookId] = record.attempt;
  }
  lane = { ...lane, retried: { ...lane.retried, ...ends } };
  return [lane, ...webhooks.sort((a, b) => a.order - b.order)];
}
