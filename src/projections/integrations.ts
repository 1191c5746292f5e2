// Integrations of projects. Their tokens are in no view.

import type { IntegrationSettings } from '../events.ts';
import { toIso } from '../time.ts';
import type { Fields } from '../views/views.ts';
import type { Projection } from './projection.ts';

export const integrations: Projection = {
  definition: {
    name: 'integrations',
    version: 1,
    topics: ['organizations'],
    indexes: [['organizationId'], ['projectId'], ['name']],
  },
  on: {
    IntegrationCreated(event) {
      const { integrationId: id, organizationId, projectId, atMs } = event;
      return [{ id, set: { organizationId, projectId, createdAt: toIso(atMs), ...settings(event) } }];
    },
    IntegrationChanged: (event) => [{ id: event.integrationId, set: settings(event) }],
    IntegrationDeleted: ({ integrationId: id, atMs }) => [{ id, set: { deletedAt: toIso(atMs) } }],
  },
};

function settings({ name, origins, burst, sustained, status }: IntegrationSettings): Fields {
  return { name, origins, rateLimits: { burst, sustained }, status };
}
