// Deliveries: outbound webhooks, with every attempt, and what else their timeline needs.
//
// Entries of maps are put by a key that the event alone gives, so a repeat is no change. What a retry takes away
// (why it was omitted, why it failed) stays beside it: `omittedFor`, `failures`.
//
// Indexes cost a write each, and where organizations are many a page each. A filter that finds few has one of its own (status,
// code, class of code, error, host, kind); with an organization or an endpoint those that tell what failed have one as well
// (status, class of code, error), and as an endpoint is of one organization, the two share it. What is usual is not in them: of
// 12 indexes a delivery that went well is in five.
// What an index does not answer is looked at newest first, a bounded number a page (query/plan.ts, which prefers the later ones).

import { type AttemptFailed, startsAtMsOf, type WebhookProcessed } from '../events.ts';
import { toIso } from '../time.ts';
import type { Fields } from '../views/views.ts';
import type { Change, Projection } from './projection.ts';

export const deliveries: Projection = {
  definition: {
    name: 'deliveries',
    version: 4,
    topics: ['outbound'],
    indexes: [
      ['organizationId'],
      ['organizationId', 'status'],
      ['organizationId', 'event'],
      ['organizationId', 'codeClass'],
      ['organizationId', 'error'],
      ['endpointId'],
      ['endpointId', 'status'],
      ['endpointId', 'codeClass'],
      ['endpointId', 'error'],
      ['status'],
      ['event'],
      ['codeClass'],
      ['responseCode'],
      ['error'],
      ['host'],
      ['eventId'],
    ],
    nested: ['organizationId', 'endpointId'],
    sparse: ['codeClass', 'responseCode', 'error', 'host'],
    usual: { status: ['processed'], event: ['log.created'], codeClass: ['2xx'], responseCode: [200] },
    history: { prefix: 'wh', payload: ['attempts.responseBody'] },
  },
  on: {
    WebhookScheduled(event) {
      const { webhookId: id, organizationId, endpointId, eventId, kind, atMs, dueAtMs } = event;
      const ids = { organizationId, endpointId, eventId };
      const due = toIso(dueAtMs);
      const times = { createdAt: toIso(atMs), nextAttemptAt: due, dueAt: dueAtMs > atMs ? due : null };
      return [{ id, set: { ...ids, event: kind, status: 'pending', attemptCount: 0, ...times } }];
    },
    WebhookOmitted(event) {
      const { webhookId: id, organizationId, endpointId, eventId, kind, atMs, reason, freeAtMs } = event;
      const at = toIso(atMs);
      const freeAt = freeAtMs === null ? null : toIso(freeAtMs);
      const ids = { organizationId, endpointId, eventId };
      const why = { status: 'omitted', reason, omittedFor: reason, freeAt };
      const end = { attemptCount: 0, createdAt: at, finishedAt: at };
      return [{ id, set: { ...ids, event: kind, ...why, ...end } }];
    },
    WebhookRetried({ webhookId: id, atMs, dueAtMs, by = null }) {
      const [at, due] = [toIso(atMs), toIso(dueAtMs)];
      const set = { status: 'pending', reason: null, finishedAt: null, nextAttemptAt: due };
      const retriedBy = by === null ? {} : { retriedBy: { [at]: by } };
      return [{ id, set, put: { retries: { [at]: due }, ...retriedBy } }];
    },
    AttemptStarted(event) {
      const { webhookId: id, attempt: number, host } = event;
      const started = { number, startedAt: toIso(startsAtMsOf(event)) };
      return [
        {
          id,
          set: { attemptCount: number, nextAttemptAt: null, host },
          put: { attempts: { [number]: started } },
        },
      ];
    },
    AttemptFailed(event) {
      const { error, detail, nextAttemptAtMs } = event;
      const nextAttemptAt = nextAttemptAtMs === null ? null : toIso(nextAttemptAtMs);
      return [outcome(event, { error, detail, nextAttemptAt }, { error, nextAttemptAt })];
    },
    WebhookProcessed(event) {
      const end = { status: 'processed', reason: null, error: null, finishedAt: toIso(event.atMs) };
      return [outcome(event, {}, end)];
    },
    WebhookFailed(event) {
      const { webhookId: id, reason, atMs } = event;
      const at = toIso(atMs);
      const set = { status: 'error', reason, nextAttemptAt: null, finishedAt: at };
      return [{ id, set, put: { failures: { [at]: reason } } }];
    },
  },
};

/** An attempt as it ended, and what that changes in the delivery. */
function outcome(event: AttemptFailed | WebhookProcessed, failure: Fields, set: Fields): Change {
  const { webhookId: id, attempt: number, startedAtMs, durationMs, responseCode, responseBody } = event;
  const startedAt = toIso(startedAtMs);
  const attempt = { number, startedAt, durationMs, responseCode, ...failure, responseBody };
  const codeClass = responseCode === null ? null : `${Math.floor(responseCode / 100)}xx`;
  return {
    id,
    set: { ...set, responseCode, codeClass, durationMs },
    put: { attempts: { [number]: attempt } },
  };
}
