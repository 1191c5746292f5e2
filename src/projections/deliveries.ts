// Deliveries: outbound webhooks, with every attempt.

import type { AttemptFailed, WebhookProcessed } from '../events.ts';
import { toIso } from '../time.ts';
import type { Fields } from '../views/views.ts';
import type { Change, Projection } from './projection.ts';

export const deliveries: Projection = {
  definition: {
    name: 'deliveries',
    version: 1,
    topics: ['outbound'],
    indexes: [['organizationId'], ['endpointId'], ['status'], ['eventId']],
  },
  project(event) {
    switch (event.type) {
      case 'WebhookScheduled': {
        const { webhookId: id, organizationId, endpointId, eventId, kind, atMs, dueAtMs } = event;
        const ids = { organizationId, endpointId, eventId };
        const times = { createdAt: toIso(atMs), nextAttemptAt: toIso(dueAtMs) };
        return [{ id, set: { ...ids, event: kind, status: 'pending', attemptCount: 0, ...times } }];
      }
      case 'WebhookOmitted': {
        const { webhookId: id, organizationId, endpointId, eventId, kind, atMs, reason, freeAtMs } = event;
        const at = toIso(atMs);
        const freeAt = freeAtMs === null ? null : toIso(freeAtMs);
        const ids = { organizationId, endpointId, eventId };
        const end = { status: 'omitted', reason, freeAt, attemptCount: 0, createdAt: at, finishedAt: at };
        return [{ id, set: { ...ids, event: kind, ...end } }];
      }
      case 'WebhookRetried':
        return [
          {
            id: event.webhookId,
            set: { status: 'pending', reason: null, finishedAt: null, nextAttemptAt: toIso(event.dueAtMs) },
          },
        ];
      case 'AttemptStarted': {
        const { webhookId: id, attempt: number, atMs } = event;
        const started = { number, startedAt: toIso(atMs) };
        return [
          {
            id,
            set: { attemptCount: number, nextAttemptAt: null },
            put: { attempts: { [number]: started } },
          },
        ];
      }
      case 'AttemptFailed': {
        const { error, detail, nextAttemptAtMs } = event;
        const nextAttemptAt = nextAttemptAtMs === null ? null : toIso(nextAttemptAtMs);
        return [outcome(event, { error, detail }, { nextAttemptAt })];
      }
      case 'WebhookProcessed':
        return [outcome(event, {}, { status: 'processed', reason: null, finishedAt: toIso(event.atMs) })];
      case 'WebhookFailed': {
        const { webhookId: id, reason, atMs } = event;
        return [{ id, set: { status: 'error', reason, nextAttemptAt: null, finishedAt: toIso(atMs) } }];
      }
      default:
        return [];
    }
  },
};

/** An attempt as it ended, and what that changes in the delivery. */
function outcome(event: AttemptFailed | WebhookProcessed, failure: Fields, set: Fields): Change {
  const { webhookId: id, attempt: number, startedAtMs, durationMs, responseCode, responseBody } = event;
  const startedAt = toIso(startedAtMs);
  const attempt = { number, startedAt, durationMs, responseCode, ...failure, responseBody };
  return { id, set: { ...set, responseCode, durationMs }, put: { attempts: { [number]: attempt } } };
}
