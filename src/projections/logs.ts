// Logs. What a log's webhook repeats byte for byte (tags, user, extra) stays JSON text.

import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const logs: Projection = {
  definition: {
    name: 'logs',
    version: 2,
    topics: ['organizations'],
    indexes: [['organizationId'], ['projectId'], ['integrationId'], ['level'], ['fingerprint']],
    nested: ['organizationId', 'projectId', 'integrationId'],
    // What lists show is no payload, and stays.
    sparse: ['level'],
    usual: { level: ['error'] },
    history: { prefix: 'log', payload: ['stack', 'tags', 'user', 'extra'] },
  },
  on: {
    LogRecorded(event) {
      const { organizationId, projectId, integrationId, message, level, environment, release } = event;
      const { fingerprint, stack, user, extra } = event;
      return [
        {
          id: event.logId,
          set: {
            organizationId,
            projectId,
            integrationId,
            inboundWebhookId: event.inboundId,
            message,
            level,
            type: event.errorType,
            environment,
            release,
            fingerprint,
            occurredAt: toIso(event.occurredAtMs),
            receivedAt: toIso(event.receivedAtMs),
            stack,
            tags: JSON.stringify(event.tags),
            user,
            extra,
          },
          // A recorder that has lost its position makes the event again, later.
          setOnce: { recordedAt: toIso(event.atMs) },
        },
      ];
    },
  },
};
