// Inbound webhooks: what was received, raw, and what became of it. The two topics may come in either order, so what
// is received only says `pending` where nothing more is known.

import type { DeployReceived, LogReceived } from '../events.ts';
import { toIso } from '../time.ts';
import type { Change, Projection } from './projection.ts';

export const inboundWebhooks: Projection = {
  definition: {
    name: 'inboundWebhooks',
    version: 2,
    topics: ['inbound', 'organizations'],
    indexes: [['organizationId'], ['projectId'], ['integrationId'], ['status']],
    nested: ['organizationId', 'projectId', 'integrationId'],
    sparse: ['status'],
    usual: { status: ['processed'] },
    history: { prefix: 'in', payload: ['payload', 'headers'] },
  },
  on: {
    LogReceived: (event) => [received('logs', event)],
    DeployReceived: (event) => [received('deploys', event)],
    LogRecorded: ({ inboundId: id, logId }) => [{ id, set: { status: 'processed', logId } }],
    DeployRecorded: ({ inboundId: id, eventId }) => [{ id, set: { status: 'processed', eventId } }],
    InboundWebhookFailed: ({ inboundId: id, reason }) => [{ id, set: { status: 'error', error: reason } }],
  },
};

function received(resource: string, event: LogReceived | DeployReceived): Change {
  const { id, organizationId, projectId, integrationId, receivedAtMs, headers, body } = event;
  const ids = { organizationId, projectId, integrationId };
  const payload = body.toString('utf8');
  return {
    id,
    set: { ...ids, resource, receivedAt: toIso(receivedAtMs), headers, payload },
    setOnce: { status: 'pending' },
  };
}
