// Whether a lane and the history of its webhooks are of the same moment: what is pending in one is pending in the
// other. Pure. Of a webhook that is pending in the lane alone, an import would send what has been sent; of one that is
// pending in the history alone, nobody would ever send anything.

import type { OutboundEvent } from '../events.ts';
import type { WebhookId } from '../ids.ts';

export interface OpenWebhooks {
  /** Takes the next event of topic outbound in. */
  take(event: OutboundEvent): void;
  /** Whether, by all that was taken in, just those webhooks are pending. */
  agree(): boolean;
}

/** `pending`: in the lane. Keeps as many ids as are pending. */
export function createOpenWebhooks(pending: ReadonlySet<WebhookId>): OpenWebhooks {
  const open = new Set<WebhookId>();
  /** Of those in the lane, which have ended. */
  const ended = new Set<WebhookId>();
  return {
    take(event) {
      if (event.type === 'WebhooksPruned') return;
      const { type, webhookId } = event;
      switch (type) {
        case 'WebhookScheduled':
        case 'WebhookRetried':
          open.add(webhookId);
          ended.delete(webhookId);
          return;
        case 'WebhookProcessed':
        case 'WebhookFailed':
          open.delete(webhookId);
          if (pending.has(webhookId)) ended.add(webhookId);
          return;
        default:
          return;
      }
    },
    agree: () => ended.size === 0 && [...open].every((webhookId) => pending.has(webhookId)),
  };
}
