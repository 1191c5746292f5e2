// What is told of a webhook, and where. Other events of topic outbound only stand for what was pruned. Pure.

import type { WebhookEvent } from '../events.ts';
import type { StoredEvent } from '../log/log.ts';

export interface ToldOfWebhook extends Omit<StoredEvent<'outbound'>, 'event'> {
  event: WebhookEvent;
}

export function isOfWebhook(stored: StoredEvent<'outbound'>): stored is ToldOfWebhook {
  return stored.event.type !== 'WebhooksPruned';
}
