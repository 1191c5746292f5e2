// Inbound webhooks: what was received, raw, and what became of it. The two topics may come in either order, so what
// is received only says `pending` where nothing more is known.

import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const inboundWebhooks: Projection = {
  definition: {
    name: 'inboundWebhooks',
    version: 1,
    topics: ['inbound', 'organizations'],
    indexes: [['organizationId'], ['projectId'], ['integrationId'], ['status']],
    history: { prefix: 'in', payload: ['payload', 'headers'] },
  },
  project(event) {
    switch (event.type) {
      case 'LogReceived':
      case 'DeployReceived': {
        const { id, organizationId, projectId, integrationId, receivedAtMs, headers, body } = event;
        const resource = event.type === 'LogReceived' ? 'logs' : 'deploys';
        const receivedAt = toIso(receivedAtMs);
        const payload = body.toString('utf8');
        return [
          {
            id,
            set: { organizationId, projectId, integrationId, resource, receivedAt, headers, payload },
            setOnce: { status: 'pending' },
          },
        ];
      }
      case 'LogRecorded':
        return [{ id: event.inboundId, set: { status: 'processed', logId: event.logId } }];
      case 'DeployRecorded':
        return [{ id: event.inboundId, set: { status: 'processed', eventId: event.eventId } }];
      case 'InboundWebhookFailed':
        return [{ id: event.inboundId, set: { status: 'error', error: event.reason } }];
      default:
        return [];
    }
  },
};
