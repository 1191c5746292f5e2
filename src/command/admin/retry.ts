// An operator's retry of a webhook that is in `error` or `omitted`.

import type { EventId } from '../../ids.ts';
import type { Retryable } from '../../query/queries.ts';
import { type AdminContext, type Decision, existing } from './decision.ts';

/** The webhook is pending or processed: there is nothing to try again. */
export class NotRetryable extends Error {
  readonly code = 'NOT_RETRYABLE';
  constructor(id: string, status: string) {
    super(`${id} is ${status}; only webhooks in error or omitted can be tried again`);
    this.name = 'NotRetryable';
  }
}

export function retryWebhook({ state, nowMs }: AdminContext, webhook: Retryable) {
  const { webhookId, eventId, kind, attemptCount, status, body } = webhook;
  if (status !== 'error' && status !== 'omitted') throw new NotRetryable(webhookId, status);
  const { id: endpointId, organizationId } = existing(state.endpoints, 'endpoint', webhook.endpointId);
  return {
    event: {
      type: 'WebhookRetryRequested',
      webhookId: webhookId as `wh_${string}`,
      organizationId,
      endpointId,
      eventId: eventId as EventId,
      kind,
      atMs: nowMs,
      attemptCount,
      body,
    },
    answer: { id: webhookId, status: 'pending' },
  } satisfies Decision<object>;
}
