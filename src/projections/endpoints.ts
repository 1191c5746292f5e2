// Endpoints of organizations. Their signing secrets are in no view.

import { shownEndpointSettings } from '../settings.ts';
import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const endpoints: Projection = {
  definition: {
    name: 'endpoints',
    version: 2,
    topics: ['organizations'],
    indexes: [['organizationId'], ['url']],
  },
  project(event) {
    switch (event.type) {
      case 'EndpointCreated': {
        const { endpointId: id, organizationId, atMs } = event;
        return [{ id, set: { organizationId, createdAt: toIso(atMs), ...shownEndpointSettings(event) } }];
      }
      case 'EndpointChanged':
        return [{ id: event.endpointId, set: shownEndpointSettings(event) }];
      case 'EndpointDisabled':
        return [{ id: event.endpointId, set: { status: 'disabled', disabledReason: event.reason } }];
      case 'EndpointDeleted':
        return [{ id: event.endpointId, set: { deletedAt: toIso(event.atMs) } }];
      default:
        return [];
    }
  },
};
