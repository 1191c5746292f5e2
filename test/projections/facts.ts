// Events as the read side needs them: with defaults for what a test does not care about; and whole random histories.

import fc from 'fast-check';
import {
  type AttemptFailed,
  type AttemptStarted,
  type DeployRecorded,
  type EndpointChanged,
  type EndpointCreated,
  type EventPublished,
  type HooklaneEvent,
  type InboundWebhookFailed,
  type IntegrationChanged,
  type IntegrationCreated,
  type Keyed,
  type LogReceived,
  type LogRecorded,
  type OrganizationCreated,
  type ProjectCreated,
  type TokenCreated,
  UNKEYED,
  type WebhookOmitted,
  type WebhookProcessed,
  type WebhookRetried,
  type WebhookScheduled,
} from '../../src/events.ts';
import { siblingId } from '../../src/ids.ts';

export const AT_MS = Date.UTC(2026, 0, 31, 12);
export const AT = '2026-01-31T12:00:00.000Z';

/** The `n`th id with a prefix: ids sort by `n`. */
export function id<P extends string>(prefix: P, n = 0): `${P}_${string}` {
  return `${prefix}_01KG9T9M00${String(n).padStart(16, '0')}`;
}

const organizationId = id('org');
const projectId = id('prj');
const integrationId = id('int');
const endpointId = id('ep');

export function organizationCreated(facts: Partial<OrganizationCreated> = {}): OrganizationCreated {
  const name = 'acme';
  return { type: 'OrganizationCreated', organizationId, atMs: AT_MS, name, secret: 'sealed', ...facts };
}

export function projectCreated(facts: Partial<ProjectCreated> = {}): ProjectCreated {
  return { type: 'ProjectCreated', organizationId, projectId, atMs: AT_MS, name: 'shop', ...facts };
}

export function tokenCreated(facts: Partial<TokenCreated> = {}): TokenCreated {
  return {
    ...{ type: 'TokenCreated', tokenId: id('tok'), organizationId, atMs: AT_MS, by: 'root' },
    ...{ name: 'ci', scopes: ['read'], tokenHash: 'hash', expiresAtMs: null, ...facts },
  };
}

const integration = {
  name: 'web',
  origins: ['https://shop.example'],
  burst: '3/6s',
  sustained: null,
  status: 'active',
} as const;

export function integrationCreated(facts: Partial<IntegrationCreated> = {}): IntegrationCreated {
  const ids = { organizationId, projectId, integrationId };
  const settings = { ...integration, origins: [...integration.origins] };
  return {
    type: 'IntegrationCreated',
    ...ids,
    atMs: AT_MS,
    tokenHash: 'hash',
    ...settings,
    ...facts,
  };
}

export function integrationChanged(facts: Partial<IntegrationChanged> = {}): IntegrationChanged {
  const settings = { ...integration, origins: [...integration.origins] };
  return {
    type: 'IntegrationChanged',
    organizationId,
    integrationId,
    atMs: AT_MS,
    ...settings,
    ...facts,
  };
}

const endpoint = {
  url: 'https://subscriber.example/hook',
  gapMs: 5_000,
  timeoutMs: 2_500,
  whenBusy: 'omit',
  maxQueued: 100,
  status: 'active',
  disabledReason: null,
} as const;

export function endpointCreated(facts: Partial<EndpointCreated> = {}): EndpointCreated {
  const lists = { events: ['log.*'], retriesMs: [5_000, 90_000] };
  const ids = { organizationId, endpointId };
  return { type: 'EndpointCreated', ...ids, atMs: AT_MS, secret: 'sealed', ...endpoint, ...lists, ...facts };
}

export function endpointChanged(facts: Partial<EndpointChanged> = {}): EndpointChanged {
  const lists = { events: ['log.*'], retriesMs: [] };
  const ids = { organizationId, endpointId };
  return { type: 'EndpointChanged', ...ids, atMs: AT_MS, ...endpoint, ...lists, ...facts };
}

export function logReceived(facts: Partial<LogReceived> = {}): LogReceived {
  return {
    type: 'LogReceived',
    id: id('in'),
    organizationId,
    projectId,
    integrationId,
    receivedAtMs: AT_MS,
    headers: { 'user-agent': 'sdk' },
    body: Buffer.from('{"message":"é"}'),
    imported: false,
    ...UNKEYED,
    ...facts,
  };
}

/** A log; its id follows from that of its inbound webhook. */
export function logRecorded(facts: Partial<LogRecorded> = {}): LogRecorded {
  const inboundId = facts.inboundId ?? id('in');
  return {
    type: 'LogRecorded',
    inboundPartition: 0,
    inboundOffset: 0,
    logId: siblingId('log', inboundId),
    inboundId,
    organizationId,
    projectId,
    integrationId,
    atMs: AT_MS + 2,
    receivedAtMs: AT_MS,
    occurredAtMs: AT_MS - 1_000,
    message: 'boom',
    level: 'error',
    errorType: 'TypeError',
    stack: null,
    environment: 'production',
    release: null,
    fingerprint: 'f1',
    tags: { region: 'eu' },
    user: '{"id":7}',
    extra: '{"n":1.0}',
    ...facts,
  };
}

export function deployRecorded(facts: Partial<DeployRecorded> = {}): DeployRecorded {
  const inboundId = facts.inboundId ?? id('in');
  return {
    type: 'DeployRecorded',
    inboundPartition: 0,
    inboundOffset: 0,
    eventId: siblingId('evt', inboundId),
    inboundId,
    organizationId,
    projectId,
    integrationId,
    atMs: AT_MS + 2,
    receivedAtMs: AT_MS,
    version: '1.2.3',
    environment: null,
    url: null,
    extra: '{}',
    ...facts,
  };
}

export function inboundWebhookFailed(facts: Partial<InboundWebhookFailed> = {}): InboundWebhookFailed {
  const reason = 'not JSON';
  return {
    type: 'InboundWebhookFailed',
    inboundId: id('in'),
    organizationId,
    atMs: AT_MS,
    reason,
    ...facts,
  };
}

export function eventPublished(facts: Partial<EventPublished> = {}): EventPublished {
  const ids = { eventId: id('evt'), organizationId };
  return {
    type: 'EventPublished',
    ...ids,
    atMs: AT_MS,
    kind: 'order.paid',
    data: '{"total":1.50}',
    ...UNKEYED,
    ...facts,
  };
}

/** What comes under the `n`th Idempotency-Key. */
export function keyed(n: number): Keyed {
  return { keyHash: `key ${n}`, bodyHash: `body ${n}` };
}

const webhook = { webhookId: id('wh'), organizationId, endpointId };

export function scheduled(facts: Partial<WebhookScheduled> = {}): WebhookScheduled {
  const about = { eventId: id('evt'), kind: 'log.created' };
  return {
    type: 'WebhookScheduled',
    ...webhook,
    ...about,
    atMs: AT_MS,
    dueAtMs: AT_MS,
    digest: null,
    ...facts,
  };
}

export function omitted(facts: Partial<WebhookOmitted> = {}): WebhookOmitted {
  const about = { eventId: id('evt'), kind: 'log.created', reason: 'gap' } as const;
  return { type: 'WebhookOmitted', ...webhook, ...about, atMs: AT_MS, freeAtMs: AT_MS + 5_000, ...facts };
}

export function retried(facts: Partial<WebhookRetried> = {}): WebhookRetried {
  return { type: 'WebhookRetried', ...webhook, atMs: AT_MS, dueAtMs: AT_MS, ...facts };
}

export function attemptStarted(facts: Partial<AttemptStarted> = {}): AttemptStarted {
  const host = 'subscriber.example';
  return { type: 'AttemptStarted', ...webhook, attempt: 1, atMs: AT_MS, startsAtMs: null, host, ...facts };
}

export function attemptFailed(facts: Partial<AttemptFailed> = {}): AttemptFailed {
  return {
    type: 'AttemptFailed',
    ...webhook,
    attempt: 1,
    atMs: AT_MS + 30,
    startedAtMs: AT_MS + 1,
    durationMs: 29,
    responseCode: 500,
    responseBody: 'oops',
    error: 'status',
    detail: 'answered 500',
    nextAttemptAtMs: null,
    ...facts,
  };
}

export function processed(facts: Partial<WebhookProcessed> = {}): WebhookProcessed {
  const result = { atMs: AT_MS + 30, startedAtMs: AT_MS + 1, durationMs: 29 };
  return {
    type: 'WebhookProcessed',
    ...webhook,
    attempt: 1,
    ...result,
    responseCode: 200,
    responseBody: 'ok',
    ...facts,
  };
}

export function webhookFailed(reason = 'attempts', atMs = AT_MS): HooklaneEvent {
  return { type: 'WebhookFailed', ...webhook, atMs, reason };
}

const small = fc.nat({ max: 3 });

/** An event of any kind that changes a read model, about one of a few things. */
const anyEvent: fc.Arbitrary<HooklaneEvent> = fc
  .record({
    kind: fc.nat({ max: 20 }),
    n: small,
    org: fc.nat({ max: 2 }),
    later: fc.nat({ max: 999 }),
    text: fc.string(),
  })
  .map(({ kind, n, org, later, text }): HooklaneEvent => {
    const own = { organizationId: id('org', org), atMs: AT_MS + later };
    // Ids are of one organization, as events of one thing always are in one partition.
    const m = org * 10 + n;
    const hook = { ...own, webhookId: id('wh', m), endpointId: id('ep', m), eventId: id('evt', m) };
    const received = { ...own, inboundId: id('in', m), projectId: id('prj', m), integrationId: id('int', m) };
    const made: HooklaneEvent[] = [
      organizationCreated({ ...own, name: text }),
      { type: 'OrganizationChanged', ...own, name: text },
      projectCreated({ ...own, projectId: id('prj', m), name: text }),
      { type: 'ProjectDeleted', ...own, projectId: id('prj', m) },
      integrationCreated({ ...own, integrationId: id('int', m), projectId: id('prj', m) }),
      integrationChanged({ ...own, integrationId: id('int', m), name: text, origins: [] }),
      endpointCreated({ ...own, endpointId: id('ep', m) }),
      endpointChanged({ ...own, endpointId: id('ep', m), status: 'disabled', disabledReason: text }),
      logReceived({
        id: id('in', m),
        organizationId: own.organizationId,
        integrationId: id('int', m),
        ...keyed(m),
      }),
      logRecorded({ ...received, message: text, tags: { [text]: text } }),
      deployRecorded({ ...received, version: text }),
      inboundWebhookFailed({ inboundId: id('in', m), ...own, reason: text }),
      eventPublished({ ...own, eventId: id('evt', m), data: JSON.stringify(text), ...keyed(m) }),
      scheduled({ ...hook, dueAtMs: own.atMs }),
      omitted(hook),
      retried(hook),
      attemptStarted({ ...hook, attempt: n + 1 }),
      attemptFailed({ ...hook, attempt: n + 1, responseBody: text }),
      processed({ ...hook, attempt: n + 1, responseCode: n === 0 ? null : 204 }),
      tokenCreated({ ...own, tokenId: id('tok', m), organizationId: n === 0 ? null : own.organizationId }),
      { type: 'TokenRevoked', ...own, tokenId: id('tok', m), by: text },
    ];
    return made[kind] ?? organizationCreated();
  });

/** A history of whatever events, also in orders that no dispatcher would write. */
export function histories(maxLength: number): fc.Arbitrary<HooklaneEvent[]> {
  return fc.array(anyEvent, { maxLength, size: 'max' });
}
