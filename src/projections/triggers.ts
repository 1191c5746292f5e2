// Triggers that are not logs: what their webhooks tell, as JSON text, to be repeated byte for byte. (A log is its
// own record, and would stand here twice.)

import type { HooklaneEvent, OrganizationEvent } from '../events.ts';
import { TOPIC_OF } from '../events.ts';
import { toIso } from '../time.ts';
import { triggerOf } from '../trigger.ts';
import type { Projection } from './projection.ts';

export const triggers: Projection = {
  definition: { name: 'triggers', version: 1, topics: ['organizations'], indexes: [['organizationId']] },
  project(event) {
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
