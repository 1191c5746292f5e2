// An operator's wish that webhooks which are in `error` or `omitted` be tried again.

import type { AdminEvent } from '../../events.ts';
import type { EventId, WebhookId } from '../../ids.ts';
import type { Retryable } from '../../query/queries.ts';
import { type AdminContext, type Decision, EndpointIsDisabled, existing } from './decision.ts';

/** Webhooks that are asked for in one request, and bytes of their bodies: the log takes them in one piece. */
export const MAX_RETRIED = 1_000;
export const MAX_RETRIED_BYTES = 16 * 1024 * 1024;

/** The webhook was delivered: there is nothing to try again. */
export class NotRetryable extends Error {
  readonly code = 'NOT_RETRYABLE';
  constructor(id: string, status: string) {
    super(`${id} is ${status}; only webhooks in error or omitted can be tried again`);
    this.name = 'NotRetryable';
  }
}

/**
 * Tries webhooks again, all of them or, if one cannot be, none. What is pending already stays as it is, so asking
 * twice is asking once.
 */
export function retryWebhooks(context: AdminContext, webhooks: readonly Retryable[]) {
  const [event, ...also] = webhooks.flatMap((webhook) => retryRequested(context, webhook));
  const answer = webhooks.map(({ webhookId }) => ({ id: webhookId, status: 'pending' }));
  return { event, also, answer } satisfies Decision<object[]>;
}

function retryRequested({ state, nowMs }: AdminContext, webhook: Retryable): AdminEvent[] {
  const { webhookId, eventId, kind, attemptCount, status, body } = webhook;
  if (status === 'pending') return [];
  if (status !== 'error' && status !== 'omitted') throw new NotRetryable(webhookId, status);
  const endpoint = existing(state.endpoints, 'endpoint', webhook.endpointId);
  if (endpoint.status === 'disabled') throw new EndpointIsDisabled(endpoint.id);
  const { id: endpointId, organizationId } = endpoint;
  return [
    {
      type: 'WebhookRetryRequested',
      webhookId: webhookId as WebhookId,
      organizationId,
      endpointId,
      eventId: eventId as EventId,
      kind,
      atMs: nowMs,
      attemptCount,
      body,
    },
  ];
}
