// What a trigger is, and the body of the webhooks that tell of it. Pure; used by the dispatcher, which sends
// the body, and by queries, which show it: both must say the same, byte for byte.

import type { DeployRecorded, LogRecorded, OrganizationEvent } from './events.ts';
import type { EventId, OrganizationId } from './ids.ts';
import { siblingId } from './ids.ts';
import { toIso } from './time.ts';

/** A domain event that subscribers may hear of. */
export interface Trigger {
  eventId: EventId;
  organizationId: OrganizationId;
  /** `log.created`, `deploy.created`, … or any kind published through the API. */
  kind: string;
  atMs: number;
  /** What happened, as JSON text; made only when asked for, as most triggers have no subscriber. */
  data: () => string;
}

/** The trigger that an event is, if it is one. */
export function triggerOf(event: OrganizationEvent): Trigger | undefined {
  switch (event.type) {
    case 'LogRecorded':
      return logTrigger(event);
    case 'DeployRecorded':
      return trigger(event, event.eventId, 'deploy.created', () => deployData(event));
    case 'EventPublished':
      return trigger(event, event.eventId, event.kind, () => event.data);
    case 'ProjectCreated':
      return trigger(event, siblingId('evt', event.projectId), 'project.created', () =>
        JSON.stringify({ id: event.projectId, name: event.name, createdAt: toIso(event.atMs) }),
      );
    case 'IntegrationCreated':
      return trigger(event, siblingId('evt', event.integrationId), 'integration.created', () =>
        JSON.stringify({
          id: event.integrationId,
          projectId: event.projectId,
          name: event.name,
          createdAt: toIso(event.atMs),
        }),
      );
    default:
      return undefined;
  }
}

function trigger(
  event: { organizationId: OrganizationId; atMs: number },
  eventId: EventId,
  kind: string,
  data: () => string,
): Trigger {
  return { eventId, organizationId: event.organizationId, kind, atMs: event.atMs, data };
}

/** What is told of a log: not where in the log of events it came from. */
type LogContent = Omit<LogRecorded, 'inboundPartition' | 'inboundOffset'>;

/** The trigger that a recorded log is. */
export function logTrigger(log: LogContent): Trigger {
  return trigger(log, siblingId('evt', log.logId), 'log.created', () => logData(log));
}

function logData(log: LogContent): string {
  const facts = JSON.stringify({
    id: log.logId,
    projectId: log.projectId,
    integrationId: log.integrationId,
    inboundWebhookId: log.inboundId,
    message: log.message,
    level: log.level,
    type: log.errorType,
    environment: log.environment,
    release: log.release,
    fingerprint: log.fingerprint,
    occurredAt: toIso(log.occurredAtMs),
    receivedAt: toIso(log.receivedAtMs),
    stack: log.stack,
    tags: log.tags,
  });
  return `${facts.slice(0, -1)},"user":${log.user ?? 'null'},"extra":${log.extra}}`;
}

function deployData(deploy: DeployRecorded): string {
  const facts = JSON.stringify({
    id: deploy.inboundId,
    projectId: deploy.projectId,
    integrationId: deploy.integrationId,
    version: deploy.version,
    environment: deploy.environment,
    url: deploy.url,
    receivedAt: toIso(deploy.receivedAtMs),
  });
  return `${facts.slice(0, -1)},"extra":${deploy.extra}}`;
}

/** The body of the webhook that tells of a trigger: JSON, the same for every endpoint and at every attempt. */
export function webhookBody(trigger: Trigger): string {
  const { eventId, kind, atMs, organizationId } = trigger;
  const envelope = JSON.stringify({ id: eventId, type: kind, timestamp: toIso(atMs), organizationId });
  return `${envelope.slice(0, -1)},"data":${trigger.data()}}`;
}

/** Whether a kind is among the kinds and patterns (`log.*`, `*`) that an endpoint subscribes to. */
export function subscribesTo(events: readonly string[], kind: string): boolean {
  return events.some((pattern) => matches(pattern, kind));
}

/** Whether `kind` is `pattern`, in which each `*` stands for any run of characters, also none. */
export function matches(pattern: string, kind: string): boolean {
  if (!pattern.includes('*')) return pattern === kind;
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? '';
  if (!kind.startsWith(first) || kind.length < first.length + last.length || !kind.endsWith(last))
    return false;
  let from = first.length;
  for (const part of rest) {
    const at = kind.indexOf(part, from);
    if (at === -1 || at + part.length > kind.length - last.length) return false;
    from = at + part.length;
  }
  return true;
}
