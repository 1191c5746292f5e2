// Endpoints of organizations. Their signing secrets are in no view.

import type { EndpointSettings } from '../events.ts';
import { formatDuration, toIso } from '../time.ts';
import type { Fields } from '../views/views.ts';
import type { Projection } from './projection.ts';

export const endpoints: Projection = {
  definition: {
    name: 'endpoints',
    version: 1,
    topics: ['organizations'],
    indexes: [['organizationId'], ['url']],
  },
  project(event) {
    switch (event.type) {
      case 'EndpointCreated': {
        const { endpointId: id, organizationId, atMs } = event;
        return [{ id, set: { organizationId, createdAt: toIso(atMs), ...settings(event) } }];
      }
      case 'EndpointChanged':
        return [{ id: event.endpointId, set: settings(event) }];
      case 'EndpointDeleted':
        return [{ id: event.endpointId, set: { deletedAt: toIso(event.atMs) } }];
      default:
        return [];
    }
  },
};

function settings(endpoint: EndpointSettings): Fields {
  const { url, events, gapMs, timeoutMs, whenBusy, retriesMs, status, disabledReason } = endpoint;
  return {
    url,
    events,
    gap: formatDuration(gapMs),
    timeout: formatDuration(timeoutMs),
    whenBusy,
    retries: retriesMs.map(formatDuration),
    status,
    disabledReason,
  };
}
