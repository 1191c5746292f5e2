// The body of a delivery's requests, made again from what the read models hold of its trigger, byte for byte as it
// was sent.

import type { LogLevel } from '../events.ts';
import { isId, siblingId } from '../ids.ts';
import { logTrigger, webhookBody } from '../trigger.ts';
import type { Document } from '../views/views.ts';
import type { ReadViews } from './confined.ts';

/** Undefined: the trigger is in no view (yet, or no longer), or its payload is not kept any more. */
export async function requestBody(views: ReadViews, delivery: Document): Promise<string | undefined> {
  const eventId = String(delivery.eventId);
  if (!isId('evt', eventId)) return undefined;
  const trigger = await views.get('triggers', eventId);
  if (trigger !== undefined) {
    const { data } = trigger;
    if (typeof data !== 'string') return undefined;
    return webhookBody({
      eventId,
      organizationId: trigger.organizationId as `org_${string}`,
      kind: String(trigger.kind),
      atMs: Date.parse(String(trigger.at)),
      data: () => data,
    });
  }
  const log = await views.get('logs', siblingId('log', eventId));
  return typeof log?.tags === 'string' ? webhookBody(logTrigger(recorded(log))) : undefined;
}

/** A log as it was recorded, from its document. */
function recorded(log: Document): Parameters<typeof logTrigger>[0] {
  const text = (field: string) => String(log[field]);
  const textOrNull = (field: string) => (typeof log[field] === 'string' ? log[field] : null);
  return {
    type: 'LogRecorded',
    logId: log.id as `log_${string}`,
    inboundId: text('inboundWebhookId') as `in_${string}`,
    organizationId: text('organizationId') as `org_${string}`,
    projectId: text('projectId') as `prj_${string}`,
    integrationId: text('integrationId') as `int_${string}`,
    atMs: Date.parse(text('recordedAt')),
    receivedAtMs: Date.parse(text('receivedAt')),
    occurredAtMs: Date.parse(text('occurredAt')),
    message: text('message'),
    level: text('level') as LogLevel,
    errorType: textOrNull('type'),
    stack: textOrNull('stack'),
    environment: textOrNull('environment'),
    release: textOrNull('release'),
    fingerprint: text('fingerprint'),
    tags: JSON.parse(text('tags')),
    user: textOrNull('user'),
    extra: text('extra'),
  };
}
