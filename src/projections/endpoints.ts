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
  on: {
    EndpointCreated(event) {
      const { endpointId: id, organizationId, atMs } = event;
      return [{ id, set: { organizationId, createdAt: toIso(atMs), ...shownEndpointSettings(event) } }];
    },
    EndpointChanged: (event) => [{ id: event.endpointId, set: shownEndpointSettings(event) }],
    EndpointDisabled: ({ endpointId: id, reason }) => [
      { id, set: { status: 'disabled', disabledReason: reason } },
    ],
    EndpointDeleted: ({ endpointId: id, atMs }) => [{ id, set: { deletedAt: toIso(atMs) } }],
  },
};
