// Organizations, and when the last webhook of each was sent.

import { startsAtMsOf } from '../events.ts';
import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const organizations: Projection = {
  definition: {
    name: 'organizations',
    version: 1,
    topics: ['organizations', 'outbound'],
    indexes: [['name']],
  },
  on: {
    OrganizationCreated: ({ organizationId: id, name, atMs }) => [
      { id, set: { name, createdAt: toIso(atMs) } },
    ],
    OrganizationChanged: ({ organizationId: id, name }) => [{ id, set: { name } }],
    OrganizationDeleted: ({ organizationId: id, atMs }) => [{ id, set: { deletedAt: toIso(atMs) } }],
    AttemptStarted: (event) => [
      { id: event.organizationId, max: { sentLastWebhookAt: toIso(startsAtMsOf(event)) } },
    ],
    WebhooksPruned: ({ organizationId: id, lastStartedAtMs }) => [
      { id, max: { sentLastWebhookAt: toIso(lastStartedAtMs) } },
    ],
  },
};
