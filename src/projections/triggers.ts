// Triggers that are not logs, and digests: what their webhooks tell, as JSON text, to be repeated byte for byte. (A log
// is its own record, and would stand here twice.)

import type { OrganizationEvent } from '../events.ts';
import { toIso } from '../time.ts';
import { triggerOf } from '../trigger.ts';
import type { Change, Projection } from './projection.ts';

export const triggers: Projection = {
  definition: {
    name: 'triggers',
    version: 2,
    topics: ['organizations', 'outbound'],
    indexes: [['organizationId']],
    history: { prefix: 'evt', payload: ['data'] },
  },
  on: {
    DeployRecorded: told,
    EventPublished: told,
    ProjectCreated: told,
    IntegrationCreated: told,
    EndpointFailing: told,
    EndpointDisabled: told,
    EndpointTestRequested: told,
    WebhookScheduled({ eventId: id, organizationId, kind, atMs, digest }) {
      return digest === null ? [] : [{ id, set: { organizationId, kind, data: digest, at: toIso(atMs) } }];
    },
  },
};

/** What subscribers are told of an event that is a trigger. */
function told(event: OrganizationEvent): Change[] {
  const trigger = triggerOf(event);
  if (trigger === undefined) return [];
  const { eventId: id, organizationId, kind, atMs, data } = trigger;
  const set = { organizationId, kind, data: data() };
  // A recorder that has lost its position makes the event of a deploy again, later.
  return [{ id, set, setOnce: { at: toIso(atMs) } }];
}
