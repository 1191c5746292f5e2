// One event of each stored type, with something in every field: the compiler holds them against events.ts, tests hold
// the schemas against them.

import type { HooklaneEvent, LaneEndpointState } from '../../src/events.ts';
import type { StoredType } from '../../src/log/schemas.ts';

const AT_MS = 1_700_000_000_123;

const organizationId = 'org_01';
const projectId = 'prj_01';
const integrationId = 'int_01';
const endpointId = 'ep_01';
const webhookId = 'wh_01';
const eventId = 'evt_01';
const inboundId = 'in_01';

const received = {
  id: inboundId,
  organizationId,
  projectId,
  integrationId,
  receivedAtMs: AT_MS,
  headers: { 'content-type': 'application/json', 'x-ü': '€' },
  body: Buffer.from('{"message":"é𝄞\\u0000"}'),
  imported: true,
} as const;

const integrationSettings = {
  name: 'shop',
  origins: ['https://example.com', 'https://example.org'],
  burst: '3/6s',
  sustained: null,
  status: 'disabled',
} as const;

const endpointSettings = {
  url: 'https://example.com/hook?a=1',
  events: ['log.*', 'deploy.created'],
  gapMs: 5_000,
  timeoutMs: 250,
  whenBusy: 'digest',
  maxQueued: 7,
  retriesMs: [0, 5_000, 90 * 86_400_000],
  status: 'active',
  disabledReason: 'by hand',
} as const;

/** As events have it: lists that may be changed. */
function settings() {
  const { events, retriesMs, ...rest } = endpointSettings;
  return { ...rest, events: [...events], retriesMs: [...retriesMs] };
}

/** An endpoint to which nothing was ever sent, and one that has had a life. */
const quiet = {
  previousSecrets: [],
  lastStartedAtMs: 0,
  failingSinceMs: null,
  warned: false,
  omitted: 0,
  digest: null,
};
const busy = {
  previousSecrets: [{ secret: 'sealed.v1.m.n', untilMs: AT_MS }],
  lastStartedAtMs: AT_MS,
  failingSinceMs: AT_MS - 1,
  warned: true,
  omitted: 3,
  digest: {
    dueAtMs: AT_MS,
    sinceMs: AT_MS - 2,
    untilMs: AT_MS - 1,
    counts: [{ kind: '__proto__', count: 2 }],
    newest: [
      { eventId, webhookId, kind: 'log.created', atMs: AT_MS - 2, summary: 'é' },
      { eventId, webhookId, kind: 'order.paid', atMs: AT_MS - 1, summary: null },
    ],
  },
} satisfies Partial<LaneEndpointState>;

const outcome = {
  webhookId,
  organizationId,
  endpointId,
  attempt: 2,
  atMs: AT_MS,
  startedAtMs: AT_MS - 20,
  durationMs: 17,
  responseCode: 500,
  responseBody: 'oh no',
} as const;

const pending = {
  webhookId,
  organizationId,
  endpointId,
  eventId,
  kind: 'log.created',
  attempt: 1,
  failures: 1,
  retried: true,
  startedAtMs: AT_MS,
  timeoutMs: 5_000,
  dueAtMs: AT_MS,
  order: 2 ** 40,
  body: Buffer.alloc(70_000, 'x'),
} as const;

export const EXAMPLES: { readonly [T in StoredType]: Extract<HooklaneEvent, { type: T }> } = {
  LogReceived: { type: 'LogReceived', ...received },
  DeployReceived: { type: 'DeployReceived', ...received },
  OrganizationCreated: {
    type: 'OrganizationCreated',
    organizationId,
    atMs: AT_MS,
    name: 'Ämter & Co',
    secret: 'sealed.v1.x.y',
  },
  OrganizationChanged: { type: 'OrganizationChanged', organizationId, atMs: AT_MS, name: '' },
  OrganizationSecretRotated: {
    type: 'OrganizationSecretRotated',
    organizationId,
    atMs: AT_MS,
    secret: 'sealed.v1.x.z',
  },
  OrganizationDeleted: { type: 'OrganizationDeleted', organizationId, atMs: AT_MS },
  ProjectCreated: { type: 'ProjectCreated', organizationId, projectId, atMs: AT_MS, name: 'web' },
  ProjectChanged: { type: 'ProjectChanged', organizationId, projectId, atMs: AT_MS, name: 'api' },
  ProjectDeleted: { type: 'ProjectDeleted', organizationId, projectId, atMs: AT_MS },
  IntegrationCreated: {
    type: 'IntegrationCreated',
    organizationId,
    projectId,
    integrationId,
    atMs: AT_MS,
    tokenHash: 'ab'.repeat(32),
    ...integrationSettings,
    origins: [...integrationSettings.origins],
  },
  IntegrationChanged: {
    type: 'IntegrationChanged',
    organizationId,
    integrationId,
    atMs: AT_MS,
    ...integrationSettings,
    origins: [],
  },
  IntegrationSecretRotated: {
    type: 'IntegrationSecretRotated',
    organizationId,
    integrationId,
    atMs: AT_MS,
    tokenHash: 'cd'.repeat(32),
  },
  IntegrationDeleted: { type: 'IntegrationDeleted', organizationId, integrationId, atMs: AT_MS },
  EndpointCreated: {
    type: 'EndpointCreated',
    organizationId,
    endpointId,
    atMs: AT_MS,
    secret: 'sealed.v1.e.f',
    ...settings(),
  },
  SecretsResealed: {
    type: 'SecretsResealed',
    organizationId,
    atMs: AT_MS,
    secrets: { 'sealed.v1.a.b': 'sealed.v1.c.d' },
  },
  EndpointChanged: { type: 'EndpointChanged', organizationId, endpointId, atMs: AT_MS, ...settings() },
  EndpointSecretRotated: {
    type: 'EndpointSecretRotated',
    organizationId,
    endpointId,
    atMs: AT_MS,
    secret: 'sealed.v1.g.h',
    previousUntilMs: AT_MS + 86_400_000,
  },
  EndpointFailing: {
    type: 'EndpointFailing',
    organizationId,
    endpointId,
    eventId,
    atMs: AT_MS,
    url: 'https://example.com/hook',
    failingSinceMs: AT_MS - 1,
    disabledAtMs: AT_MS + 1,
  },
  EndpointDisabled: {
    type: 'EndpointDisabled',
    organizationId,
    endpointId,
    eventId,
    atMs: AT_MS,
    url: 'https://example.com/hook',
    reason: 'answered 410 Gone',
    failingSinceMs: AT_MS - 1,
  },
  EndpointTestRequested: {
    type: 'EndpointTestRequested',
    organizationId,
    endpointId,
    webhookId,
    eventId,
    atMs: AT_MS,
  },
  EndpointDeleted: { type: 'EndpointDeleted', organizationId, endpointId, atMs: AT_MS },
  LogRecorded: {
    type: 'LogRecorded',
    inboundPartition: 3,
    inboundOffset: 2 ** 40,
    logId: 'log_01',
    inboundId,
    organizationId,
    projectId,
    integrationId,
    atMs: AT_MS,
    receivedAtMs: AT_MS - 2,
    occurredAtMs: AT_MS - 1_000,
    message: "Cannot read 'x'",
    level: 'error',
    errorType: 'TypeError',
    stack: 'at a\nat b',
    environment: 'production',
    release: null,
    fingerprint: 'f1',
    tags: { region: 'eu' },
    user: '{"id":7}',
    extra: '{}',
  },
  DeployRecorded: {
    type: 'DeployRecorded',
    inboundPartition: null,
    inboundOffset: null,
    eventId,
    inboundId,
    organizationId,
    projectId,
    integrationId,
    atMs: AT_MS,
    receivedAtMs: AT_MS - 2,
    version: '1.2.3',
    environment: null,
    url: 'https://example.com/v1.2.3',
    extra: '{"by":"me"}',
  },
  InboundWebhookFailed: {
    type: 'InboundWebhookFailed',
    inboundId,
    organizationId,
    atMs: AT_MS,
    reason: 'not JSON',
  },
  EventPublished: {
    type: 'EventPublished',
    eventId,
    organizationId,
    atMs: AT_MS,
    kind: 'order.paid',
    data: '[1]',
  },
  WebhookRetryRequested: {
    type: 'WebhookRetryRequested',
    webhookId,
    organizationId,
    endpointId,
    eventId,
    kind: 'log.created',
    atMs: AT_MS,
    attemptCount: 3,
    body: Buffer.from('{}'),
  },
  WebhookScheduled: {
    type: 'WebhookScheduled',
    webhookId,
    organizationId,
    endpointId,
    eventId,
    kind: 'log.created',
    atMs: AT_MS,
    dueAtMs: AT_MS + 5_000,
    digest: '{"count":2}',
  },
  WebhookOmitted: {
    type: 'WebhookOmitted',
    webhookId,
    organizationId,
    endpointId,
    eventId,
    kind: 'log.created',
    atMs: AT_MS,
    reason: 'gap',
    freeAtMs: AT_MS + 4_000,
  },
  WebhookRetried: {
    type: 'WebhookRetried',
    webhookId,
    organizationId,
    endpointId,
    atMs: AT_MS,
    dueAtMs: AT_MS,
  },
  AttemptStarted: {
    type: 'AttemptStarted',
    webhookId,
    organizationId,
    endpointId,
    attempt: 1,
    atMs: AT_MS,
    host: 'subscriber.example',
  },
  AttemptFailed: {
    type: 'AttemptFailed',
    ...outcome,
    error: 'status',
    detail: 'answered 500',
    nextAttemptAtMs: AT_MS + 30_000,
  },
  WebhookProcessed: { type: 'WebhookProcessed', ...outcome, responseCode: 204, responseBody: null },
  WebhookFailed: {
    type: 'WebhookFailed',
    webhookId,
    organizationId,
    endpointId,
    atMs: AT_MS,
    reason: 'the endpoint is gone',
  },
  WebhooksPruned: { type: 'WebhooksPruned', organizationId, lastStartedAtMs: AT_MS },
  LogsPruned: {
    type: 'LogsPruned',
    organizationId,
    projectId,
    fingerprint: 'f1',
    errorType: 'TypeError',
    count: 7,
    firstSeenAtMs: AT_MS,
    lastSeenAtMs: AT_MS + 1,
    newest: 'log_01 4 é',
    inboundSeen: { 0: 2 ** 40 },
  },
  LaneSaved: {
    type: 'LaneSaved',
    organizationId,
    seen: 2 ** 40,
    inboundSeen: { 0: 7, 15: 2 ** 40 },
    secret: 'sealed.v1.i.j',
    endpoints: [
      { endpointId, secret: 'sealed.v1.k.l', ...quiet, ...settings() },
      { endpointId: 'ep_02', secret: '', ...busy, ...settings(), disabledReason: null },
    ],
    retried: { wh_07: 3 },
    importing: 'held',
  },
  PendingSaved: { type: 'PendingSaved', ...pending },
  OrganizationImportStarted: {
    type: 'OrganizationImportStarted',
    organizationId,
    atMs: AT_MS,
    importId: 'a'.repeat(64),
    runId: 'b1',
  },
  LaneImported: {
    type: 'LaneImported',
    organizationId,
    secret: null,
    endpoints: [{ endpointId, secret: 'sealed.v1.k.l', ...busy, ...settings() }],
    retried: { wh_07: 3 },
  },
  WebhookImported: { type: 'WebhookImported', ...pending },
  OrganizationImportEnded: {
    type: 'OrganizationImportEnded',
    organizationId,
    atMs: AT_MS,
    importId: 'a'.repeat(64),
  },
};
