// What a trigger is, and the body of the webhooks that tell of it. Pure; used by the dispatcher, which sends
// the body, and by queries, which show it: both must say the same, byte for byte.

import type {
  DeployRecorded,
  EndpointDisabled,
  EndpointFailing,
  LogRecorded,
  OrganizationEvent,
} from './events.ts';
import type { EndpointId, EventId, OrganizationId, WebhookId } from './ids.ts';
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
  /** A line for people, as a digest has it; null: there is none. */
  summary: string | null;
  /** The only endpoint that hears of it, whatever it subscribes to, and by which webhook; null: all that subscribe. */
  only: { endpointId: EndpointId; webhookId: WebhookId } | null;
}

/** Characters of a summary. */
const MAX_SUMMARY = 200;

/** The trigger that an event is, if it is one. */
export function triggerOf(event: OrganizationEvent): Trigger | undefined {
  switch (event.type) {
    case 'LogRecorded':
      return logTrigger(event);
    case 'DeployRecorded':
      return trigger(event, event.eventId, 'deploy.created', {
        data: () => deployData(event),
        summary: event.version,
      });
    case 'EventPublished':
      return trigger(event, event.eventId, event.kind, { data: () => event.data });
    case 'ProjectCreated': {
      const { projectId: id, name, atMs } = event;
      const data = () => JSON.stringify({ id, name, createdAt: toIso(atMs) });
      return trigger(event, siblingId('evt', id), 'project.created', { data, summary: name });
    }
    case 'IntegrationCreated': {
      const { integrationId: id, projectId, name, atMs } = event;
      const data = () => JSON.stringify({ id, projectId, name, createdAt: toIso(atMs) });
      return trigger(event, siblingId('evt', id), 'integration.created', { data, summary: name });
    }
    case 'EndpointFailing':
      return trigger(event, event.eventId, 'endpoint.failing', {
        data: () => healthData(event, { disabledAt: toIso(event.disabledAtMs) }),
        summary: event.url,
      });
    case 'EndpointDisabled':
      return trigger(event, event.eventId, 'endpoint.disabled', {
        data: () => healthData(event, { reason: event.reason, disabledAt: toIso(event.atMs) }),
        summary: event.url,
      });
    case 'EndpointTestRequested': {
      const { endpointId, webhookId, atMs } = event;
      const data = () => JSON.stringify({ endpointId, requestedAt: toIso(atMs), message: TEST_MESSAGE });
      return trigger(event, event.eventId, 'endpoint.test', { data, only: { endpointId, webhookId } });
    }
    default:
      return undefined;
  }
}

const TEST_MESSAGE = 'A test of this endpoint, sent because somebody asked for it.';

type Told = Pick<Trigger, 'data'> & Partial<Pick<Trigger, 'summary' | 'only'>>;

function trigger(
  event: { organizationId: OrganizationId; atMs: number },
  eventId: EventId,
  kind: string,
  { data, summary = null, only = null }: Told,
): Trigger {
  const { organizationId, atMs } = event;
  const shortened = summary?.slice(0, MAX_SUMMARY).toWellFormed() ?? null;
  return { eventId, organizationId, kind, atMs, data, summary: shortened, only };
}

function healthData(
  { endpointId, url, failingSinceMs }: EndpointFailing | EndpointDisabled,
  more: object,
): string {
  const failingSince = failingSinceMs === null ? null : toIso(failingSinceMs);
  return JSON.stringify({ endpointId, url, failingSince, ...more });
}

/** What is told of a log: not where in the log of events it came from. */
type LogContent = Omit<LogRecorded, 'inboundPartition' | 'inboundOffset'>;

/** The trigger that a recorded log is. */
export function logTrigger(log: LogContent): Trigger {
  const told = { data: () => logData(log), summary: log.message };
  return trigger(log, siblingId('evt', log.logId), 'log.created', told);
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
export function webhookBody(trigger: Omit<Trigger, 'summary' | 'only'>): string {
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
