// From one thing to what it led to, and back: inbound webhook, log, deliveries. They share a ULID (see ids.ts).

import { isId, siblingId } from '../ids.ts';
import type { ReadViews } from './confined.ts';
import type { Item } from './shapes.ts';

/** Deliveries that are named at most; a trigger has one for each endpoint that subscribes to it. */
const MAX_DELIVERIES = 100;

/** The log and the inbound webhook behind a trigger; null where it was published, or is a digest. */
export async function causeOf(
  views: ReadViews,
  eventId: string,
): Promise<{ logId: string | null; inboundWebhookId: string | null }> {
  if (!isId('evt', eventId)) return { logId: null, inboundWebhookId: null };
  const [log, inbound] = await Promise.all([
    views.get('logs', siblingId('log', eventId)),
    views.get('inboundWebhooks', siblingId('in', eventId)),
  ]);
  return { logId: log?.id ?? null, inboundWebhookId: inbound?.id ?? null };
}

/** The item with the deliveries that tell of it: the newest 100. */
export async function withDeliveries(views: ReadViews, item: Item, eventId: string): Promise<Item> {
  const where = [{ field: 'eventId', eq: eventId }];
  const found = await views.find('deliveries', { where, limit: MAX_DELIVERIES });
  const deliveries = found.map(({ id, endpointId = null, status = null }) => ({ id, endpointId, status }));
  return { ...item, deliveries };
}
