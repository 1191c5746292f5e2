// Triggers that are not logs, and digests: what their webhooks tell, as JSON text, to be repeated byte for byte. (A log
// is its own record, and would stand here twice.)

import type { HooklaneEvent, OrganizationEvent } from '../events.ts';
import { TOPIC_OF } from '../events.ts';
import { toIso } from '../time.ts';
import { triggerOf } from '../trigger.ts';
import type { Projection } from './projection.ts';

export const triggers: Projection = {
  definition: {
    name: 'triggers',
    version: 2,
    topics: ['organizations', 'outbound'],
    indexes: [['organizationId']],
    history: { prefix: 'evt', payload: ['data'] },
  },
  project(event) {
    if (event.type === 'WebhookScheduled' && event.digest !== null) {
      const { eventId: id, organizationId, kind, atMs, digest } = event;
      return [{ id, set: { organizationId, kind, data: digest, at: toIso(atMs) } }];
    }
    if (!isOfOrganization(event) || event.type === 'LogRecorded') return [];
    const trigger = triggerOf(event);
    if (trigger === undefined) return [];
    const { eventId: id, organizationId, kind, atMs, data } = trigger;
    const set = { organizationId, kind, data: data() };
    // A recorder that has lost its position makes the event of a deploy again, later.
    return [{ id, set, setOnce: { at: toIso(atMs) } }];
  },
};

function isOfOrganization(event: HooklaneEvent): event is OrganizationEvent {
  return TOPIC_OF[event.type] === 'organizations';
}
