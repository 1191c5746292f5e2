// Organizations, and when the last webhook of each was sent.

import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const organizations: Projection = {
  definition: {
    name: 'organizations',
    version: 1,
    topics: ['organizations', 'outbound'],
    indexes: [['name']],
  },
  project(event) {
    const id = event.organizationId;
    switch (event.type) {
      case 'OrganizationCreated':
        return [{ id, set: { name: event.name, createdAt: toIso(event.atMs) } }];
      case 'OrganizationChanged':
        return [{ id, set: { name: event.name } }];
      case 'OrganizationDeleted':
        return [{ id, set: { deletedAt: toIso(event.atMs) } }];
      case 'AttemptStarted':
        return [{ id, max: { sentLastWebhookAt: toIso(event.atMs) } }];
      case 'WebhooksPruned':
        return [{ id, max: { sentLastWebhookAt: toIso(event.lastStartedAtMs) } }];
      default:
        return [];
    }
  },
};
