// Every event: its type, its topic, its key. The ground floor: it knows nothing of logs, views or HTTP.
//
// Events are facts and never change. Each type has its Avro schema in schemas/, with the same field names.
// Times are milliseconds since 1970 (`…AtMs`), durations milliseconds (`…Ms`), secrets are sealed (see
// secrets.ts) or hashed, JSON that Hooklane only hands on stays text.

import type {
  EndpointId,
  EventId,
  InboundId,
  IntegrationId,
  LogId,
  OrganizationId,
  ProjectId,
  TokenId,
  WebhookId,
} from './ids.ts';

// ── topic inbound: what integrations sent, raw ──────────────────────────────────────────────────────────────

/** The largest payload that may ever be taken, in bytes, whatever the limit is now. */
export const MAX_BODY_BYTES = 1024 * 1024;
/**
 * What an event may have beside the payload it comes from: what is put in the place of secrets, what grows when it is written
 * again, stacks, ids, headers.
 */
export const MAX_BESIDE_BODY_BYTES = 768 * 1024;
/** By how much a payload may grow, as what is put in the place of secrets may be longer than they were (command/scrub.ts). */
export const MAX_SCRUB_GROWTH_BYTES = 256 * 1024;
export const MAX_STORED_BODY_BYTES = MAX_BODY_BYTES + MAX_SCRUB_GROWTH_BYTES;

/** What comes under an Idempotency-Key bears it, so that a repeat is known; null: it came without one. */
export interface Keyed {
  /** SHA-256 of the key and where it counts, hexadecimal. */
  keyHash: string | null;
  /** SHA-256 of what was asked for, hexadecimal: another body under the same key is no repeat. */
  bodyHash: string | null;
}

/** What came without an Idempotency-Key. */
export const UNKEYED = { keyHash: null, bodyHash: null } as const satisfies Keyed;

/** The fields of everything an integration sends. `body` is the JSON as it came, without secrets, `headers` the ones worth keeping. */
interface Received extends Keyed {
  id: InboundId;
  organizationId: OrganizationId;
  projectId: ProjectId;
  integrationId: IntegrationId;
  receivedAtMs: number;
  headers: Record<string, string>;
  body: Buffer;
  /** Whether it came with an import and was recorded where it comes from: what it became comes with it. */
  imported: boolean;
}

export interface LogReceived extends Received {
  type: 'LogReceived';
}

export interface DeployReceived extends Received {
  type: 'DeployReceived';
}

// ── topic organizations: configuration and domain events ────────────────────────────────────────────────────

/**
 * What administration changes, with who did: `root` (the admin token), the id of a token, `cli:<user>` (a command beside
 * the log) or `start` (the first start). Whoever appends it says so (command/admin/administrator.ts); null in what releases
 * before 0.2 wrote.
 */
interface Administered {
  by?: string | null;
}

export interface OrganizationCreated extends Administered {
  type: 'OrganizationCreated';
  organizationId: OrganizationId;
  atMs: number;
  name: string;
  /** publicSecret, sealed. */
  secret: string;
}

export interface OrganizationChanged extends Administered {
  type: 'OrganizationChanged';
  organizationId: OrganizationId;
  atMs: number;
  name: string;
}

export interface OrganizationSecretRotated extends Administered {
  type: 'OrganizationSecretRotated';
  organizationId: OrganizationId;
  atMs: number;
  secret: string;
}

/** Secrets of an organization and its endpoints are sealed under another master key: they are the same secrets as before. */
export interface SecretsResealed extends Administered {
  type: 'SecretsResealed';
  organizationId: OrganizationId;
  atMs: number;
  /** By how it was sealed before, how it is now. */
  secrets: Record<string, string>;
}

/** The end of an organization and of all that belongs to it. */
export interface OrganizationDeleted extends Administered {
  type: 'OrganizationDeleted';
  organizationId: OrganizationId;
  atMs: number;
}

export interface ProjectCreated extends Administered {
  type: 'ProjectCreated';
  organizationId: OrganizationId;
  projectId: ProjectId;
  atMs: number;
  name: string;
}

export interface ProjectChanged extends Administered {
  type: 'ProjectChanged';
  organizationId: OrganizationId;
  projectId: ProjectId;
  atMs: number;
  name: string;
}

export interface ProjectDeleted extends Administered {
  type: 'ProjectDeleted';
  organizationId: OrganizationId;
  projectId: ProjectId;
  atMs: number;
}

/** What may be set for an integration. A rate limit is written `3/6s`; null is none. */
export interface IntegrationSettings {
  name: string;
  origins: readonly string[];
  burst: string | null;
  sustained: string | null;
  status: 'active' | 'disabled';
}

export interface IntegrationCreated extends Administered, IntegrationSettings {
  type: 'IntegrationCreated';
  organizationId: OrganizationId;
  projectId: ProjectId;
  integrationId: IntegrationId;
  atMs: number;
  /** SHA-256 of the publicSecret, hexadecimal: the secret itself is stored nowhere. */
  tokenHash: string;
}

export interface IntegrationChanged extends Administered, IntegrationSettings {
  type: 'IntegrationChanged';
  organizationId: OrganizationId;
  integrationId: IntegrationId;
  atMs: number;
}

export interface IntegrationSecretRotated extends Administered {
  type: 'IntegrationSecretRotated';
  organizationId: OrganizationId;
  integrationId: IntegrationId;
  atMs: number;
  tokenHash: string;
}

export interface IntegrationDeleted extends Administered {
  type: 'IntegrationDeleted';
  organizationId: OrganizationId;
  integrationId: IntegrationId;
  atMs: number;
}

/** What to do with a trigger that comes before the gap is over. */
export const WHEN_BUSY = ['omit', 'queue', 'digest'] as const;
export type WhenBusy = (typeof WHEN_BUSY)[number];

/** What may be set for an endpoint. `events` are kinds, with `*` for any run of characters (`log.*`). */
export interface EndpointSettings {
  url: string;
  events: readonly string[];
  gapMs: number;
  timeoutMs: number;
  whenBusy: WhenBusy;
  /** With `queue`: how many may wait for their first attempt; what comes on top is omitted. */
  maxQueued: number;
  /** How long after each failed attempt the next one starts; empty: one attempt. */
  retriesMs: readonly number[];
  status: 'active' | 'disabled';
  disabledReason: string | null;
}

export interface EndpointCreated extends Administered, EndpointSettings {
  type: 'EndpointCreated';
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
  /** The signing secret (`whsec_…`), sealed. */
  secret: string;
}

export interface EndpointChanged extends Administered, EndpointSettings {
  type: 'EndpointChanged';
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
}

export interface EndpointSecretRotated extends Administered {
  type: 'EndpointSecretRotated';
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
  secret: string;
  /** Until when the secret before this one signs as well; null: it ends at once. */
  previousUntilMs: number | null;
}

/** A domain event of an endpoint's health. It is a trigger: the organization's other endpoints may tell of it. */
interface EndpointHealth {
  organizationId: OrganizationId;
  endpointId: EndpointId;
  eventId: EventId;
  atMs: number;
  url: string;
}

/** Nothing but failures for half the time after which the endpoint is disabled. */
export interface EndpointFailing extends EndpointHealth {
  type: 'EndpointFailing';
  /** When the first attempt failed since one last succeeded. */
  failingSinceMs: number;
  /** When the endpoint is disabled if it goes on like this. */
  disabledAtMs: number;
}

/** The dispatcher sends nothing more to the endpoint: it fails for too long, or is gone. An operator may enable it. */
export interface EndpointDisabled extends EndpointHealth {
  type: 'EndpointDisabled';
  /** For people: `answered 410 Gone`, `failed for 5d`. */
  reason: string;
  failingSinceMs: number | null;
}

/** An operator wants a test webhook to be sent to one endpoint, whatever it subscribes to. */
export interface EndpointTestRequested extends Administered {
  type: 'EndpointTestRequested';
  organizationId: OrganizationId;
  endpointId: EndpointId;
  /** Of the webhook that it becomes, so that who asks can look for it. */
  webhookId: WebhookId;
  eventId: EventId;
  atMs: number;
}

export interface EndpointDeleted extends Administered {
  type: 'EndpointDeleted';
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Where the inbound webhook stands of which an event was made; null in what releases before 0.2 wrote. A recorder that
 * has lost its position makes the same event again: by this it is known.
 */
interface Recorded {
  inboundPartition: number | null;
  inboundOffset: number | null;
}

export interface LogRecorded extends Recorded {
  type: 'LogRecorded';
  logId: LogId;
  inboundId: InboundId;
  organizationId: OrganizationId;
  projectId: ProjectId;
  integrationId: IntegrationId;
  atMs: number;
  receivedAtMs: number;
  /** When it happened, as the sender says; else receivedAtMs. */
  occurredAtMs: number;
  message: string;
  level: LogLevel;
  /** The exception's type (`TypeError`). */
  errorType: string | null;
  stack: string | null;
  environment: string | null;
  release: string | null;
  fingerprint: string;
  tags: Record<string, string>;
  /** A JSON object, or null. */
  user: string | null;
  /** A JSON object with everything of the payload that found no place above. */
  extra: string;
}

export interface DeployRecorded extends Recorded {
  type: 'DeployRecorded';
  eventId: EventId;
  inboundId: InboundId;
  organizationId: OrganizationId;
  projectId: ProjectId;
  integrationId: IntegrationId;
  atMs: number;
  receivedAtMs: number;
  version: string;
  environment: string | null;
  url: string | null;
  /** A JSON object with the rest of the payload. */
  extra: string;
}

/** An inbound webhook that cannot become what it should: the end of it, with the reason. */
export interface InboundWebhookFailed {
  type: 'InboundWebhookFailed';
  inboundId: InboundId;
  organizationId: OrganizationId;
  atMs: number;
  reason: string;
}

/** A trigger of any kind, published through the API. */
export interface EventPublished extends Keyed, Administered {
  type: 'EventPublished';
  eventId: EventId;
  organizationId: OrganizationId;
  atMs: number;
  kind: string;
  /** JSON. */
  data: string;
}

/** An operator wants a webhook that is in `error` or `omitted` to be tried again. Names all that is needed. */
export interface WebhookRetryRequested extends Administered {
  type: 'WebhookRetryRequested';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  eventId: EventId;
  kind: string;
  atMs: number;
  /** How many attempts it has had. */
  attemptCount: number;
  /** The body of the request. */
  body: Buffer;
}

export const SCOPES = ['read', 'write'] as const;
/** What a token is good for. */
export type Scope = (typeof SCOPES)[number];

/** A token for administration. */
export interface TokenCreated extends Administered {
  type: 'TokenCreated';
  tokenId: TokenId;
  /** The only organization that it sees and changes; null: all. */
  organizationId: OrganizationId | null;
  atMs: number;
  name: string;
  scopes: Scope[];
  /** SHA-256 of the token, hexadecimal: the token itself is stored nowhere. */
  tokenHash: string;
  /** From then on it is refused; null: never. */
  expiresAtMs: number | null;
}

export interface TokenRevoked extends Administered {
  type: 'TokenRevoked';
  tokenId: TokenId;
  organizationId: OrganizationId | null;
  atMs: number;
}

/** What was made before `beforeMs` is being taken out of the log, of all organizations. */
export interface HistoryPruned extends Administered {
  type: 'HistoryPruned';
  organizationId: null;
  beforeMs: number;
  atMs: number;
}

/**
 * The import of an organization begins. Until LaneImported what follows of it is history, of which nothing is sent;
 * until OrganizationImportEnded nothing is started.
 */
export interface OrganizationImportStarted extends Administered {
  type: 'OrganizationImportStarted';
  organizationId: OrganizationId;
  atMs: number;
  /** Of what is imported: the SHA-256 of its events as they stand in the file, hexadecimal. */
  importId: string;
  /** Of the process that imports: one that goes on with an import that was cut off begins anew. */
  runId: string;
}

/** Where its lane stood: the end of the history. */
export interface LaneImported {
  type: 'LaneImported';
  organizationId: OrganizationId;
  /** The organization's publicSecret, sealed; null: nothing was known of it yet. */
  secret: string | null;
  endpoints: LaneEndpointState[];
  /** By webhook that an operator had tried again, how many attempts it had when it ended, oldest first. */
  retried: Record<string, number>;
}

/** A webhook that was pending goes on here. */
export interface WebhookImported extends PendingState {
  type: 'WebhookImported';
}

/** The organization has moved in: from now on it is posted to and sent for here. */
export interface OrganizationImportEnded extends Administered {
  type: 'OrganizationImportEnded';
  organizationId: OrganizationId;
  atMs: number;
  importId: string;
}

/**
 * Logs of a group were taken out of the log (see projections/pruning.ts): how the group stood after the last one of them,
 * in whose place this stands.
 */
export interface LogsPruned {
  type: 'LogsPruned';
  organizationId: OrganizationId;
  projectId: ProjectId;
  fingerprint: string;
  errorType: string | null;
  count: number;
  firstSeenAtMs: number;
  lastSeenAtMs: number;
  /** What the read model knows of the newest log. */
  newest: string;
  /** By partition of topic inbound, up to which offset logs were counted. */
  inboundSeen: Record<string, number>;
}

// ── topic outbound: the life of every outbound webhook ──────────────────────────────────────────────────────

/** A trigger has become a webhook for one endpoint: `pending`. */
export interface WebhookScheduled {
  type: 'WebhookScheduled';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  eventId: EventId;
  kind: string;
  atMs: number;
  /** Not to be sent before. */
  dueAtMs: number;
  /** What a digest tells, as JSON; null: it tells of a trigger. */
  digest: string | null;
}

export const OMIT_REASONS = ['gap', 'digest', 'disabled', 'overflow'] as const;
export type OmitReason = (typeof OMIT_REASONS)[number];

/** A trigger came too soon for an endpoint: the webhook is born `omitted`. */
export interface WebhookOmitted {
  type: 'WebhookOmitted';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  eventId: EventId;
  kind: string;
  atMs: number;
  reason: OmitReason;
  /** When the endpoint would have been free; null where waiting would not have helped. */
  freeAtMs: number | null;
}

/** An operator's retry was taken up: `pending` again. `by` is the operator. */
export interface WebhookRetried extends Administered {
  type: 'WebhookRetried';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
  dueAtMs: number;
}

/** The claim: it is durable before the request leaves, so nobody can start another one inside the gap. */
export interface AttemptStarted {
  type: 'AttemptStarted';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  /** 1 for the first. */
  attempt: number;
  /** When it was claimed. */
  atMs: number;
  /** When the request may leave, where it was claimed before its time; null: at once. */
  startsAtMs: number | null;
  /** Of the URL that it is sent to, with the port where it is not the usual one; null in what older releases wrote. */
  host: string | null;
}

/** What one request came to. `startedAtMs` is when it left: at or after its claim. */
interface AttemptOutcome {
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  attempt: number;
  atMs: number;
  startedAtMs: number;
  durationMs: number;
  responseCode: number | null;
  /** The start of the answer's body. */
  responseBody: string | null;
}

/** What can go wrong with an attempt. */
export const ATTEMPT_ERRORS = [
  /** Answered with neither 2xx nor 3xx. */
  'status',
  /** Answered with 3xx, which is not followed. */
  'redirect',
  /** No complete answer in time. */
  'timeout',
  /** The name is not known. */
  'dns',
  /** Nobody listens there. */
  'refused',
  /** The connection was cut. */
  'reset',
  /** A connection that was kept from an earlier request was cut before an answer came. */
  'closed',
  /** No trust in the certificate, or no TLS at all. */
  'tls',
  /** The address is not public, and not allowed. */
  'address',
  /** The URL may not be sent to. */
  'url',
  /** Hooklane's own fault: it stopped, or was too late to send. */
  'interrupted',
  'network',
] as const;
export type AttemptError = (typeof ATTEMPT_ERRORS)[number];

export interface AttemptFailed extends AttemptOutcome {
  type: 'AttemptFailed';
  error: AttemptError;
  /** For people: `answered 500`, `no answer within 5s`. */
  detail: string;
  /** When it is tried again; null: never, WebhookFailed follows. */
  nextAttemptAtMs: number | null;
}

/** An attempt was answered with 2xx in time: `processed`. */
export interface WebhookProcessed extends AttemptOutcome {
  type: 'WebhookProcessed';
}

/** The last attempt failed, or the endpoint is gone: `error`. */
export interface WebhookFailed {
  type: 'WebhookFailed';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  atMs: number;
  reason: string;
}

/** Webhooks of an organization were taken out of the log: when the last request of them was started, which this stands for. */
export interface WebhooksPruned {
  type: 'WebhooksPruned';
  organizationId: OrganizationId;
  lastStartedAtMs: number;
}

// ── topic lanes: what a dispatcher must know to take a partition over (compacted) ────────────────────────────

/** An endpoint as its lane knows it. */
export interface LaneEndpointState extends EndpointSettings {
  endpointId: EndpointId;
  secret: string;
  /** Secrets before this one that still sign. */
  previousSecrets: readonly PreviousSecret[];
  /** When the last request to it started; 0: never. */
  lastStartedAtMs: number;
  /** When the first attempt failed since one last succeeded; null: the last one succeeded. */
  failingSinceMs: number | null;
  /** Whether EndpointFailing has told of that. */
  warned: boolean;
  /** Webhooks that were omitted since the last one delivered. */
  omitted: number;
  digest: DigestState | null;
  forgotten: Forgotten | null;
}

/** Webhooks that an operator had tried again, whose ends a lane remembers no longer. */
export interface Forgotten {
  /** None of them has a greater id. */
  upTo: WebhookId;
  /** None of them ended later. */
  untilMs: number;
}

/** A signing secret that was replaced, sealed. */
export interface PreviousSecret {
  secret: string;
  untilMs: number;
}

/** What the next digest of an endpoint tells. */
export interface DigestState {
  /** When it is to be sent: at the end of the gap. */
  dueAtMs: number;
  /** When the first of them came. */
  sinceMs: number;
  /** The last one. */
  untilMs: number;
  counts: { kind: string; count: number }[];
  /** The newest of them, oldest first. */
  newest: DigestEntry[];
}

export interface DigestEntry {
  eventId: EventId;
  webhookId: WebhookId;
  kind: string;
  atMs: number;
  /** A line for people, if there is one. */
  summary: string | null;
}

/** The newest state of a lane, but for what is pending in it. */
export interface LaneSaved {
  type: 'LaneSaved';
  organizationId: OrganizationId;
  /** The last offset of topic organizations that the lane has taken in: what stands at or before it is no trigger. */
  seen: number;
  /** By the number of a partition of topic inbound, the same for what was made of the events there. */
  inboundSeen: Record<string, number>;
  /** The organization's publicSecret, sealed; null: the organization is deleted. */
  secret: string | null;
  endpoints: LaneEndpointState[];
  /** What older releases wrote in the place of RetriedSaved: by webhook, how many attempts it had. Now empty. */
  retried: Record<string, number>;
  /** While the organization is being imported, how far that has come. */
  importing: ImportPhase | null;
}

/** What comes is history, and no trigger; or it counts, but is held back until all has come. */
export type ImportPhase = 'history' | 'held';

/** The newest state of one pending webhook. */
export interface PendingSaved extends PendingState {
  type: 'PendingSaved';
}

interface PendingState {
  webhookId: WebhookId;
  organizationId: OrganizationId;
  endpointId: EndpointId;
  eventId: EventId;
  kind: string;
  /** Attempts started so far. */
  attempt: number;
  /** Attempts that failed since the schedule of retries began. */
  failures: number;
  /** Whether an operator had it tried again. */
  retried: boolean;
  /** When the attempt in flight was started; null: it waits. */
  startedAtMs: number | null;
  /** The time it was given; 0: that of the endpoint. */
  timeoutMs: number;
  /** Not to be sent before. */
  dueAtMs: number;
  /** Of two that are due at once the lesser goes first: the offset of what it was made of. */
  order: number;
  body: Buffer;
}

/** How a webhook ended that an operator had tried again: takes the place of its PendingSaved. */
export interface RetriedSaved {
  type: 'RetriedSaved';
  webhookId: WebhookId;
  organizationId: OrganizationId;
  /** Null: it is not known. */
  endpointId: EndpointId | null;
  /** How many attempts it had had. */
  attempt: number;
  /** When it ended. It is no event of its own, so this is no `atMs`. */
  endedAtMs: number;
}

/** Of the webhook nothing need be known any more: takes its record out of the compacted topic. */
export interface PendingDropped {
  type: 'PendingDropped';
  webhookId: WebhookId;
  organizationId: OrganizationId;
}

// ── the table of all of them ────────────────────────────────────────────────────────────────────────────────

export type InboundEvent = LogReceived | DeployReceived;

/** What somebody has done who may. */
export type AdminEvent =
  | OrganizationCreated
  | OrganizationChanged
  | OrganizationSecretRotated
  | SecretsResealed
  | OrganizationDeleted
  | ProjectCreated
  | ProjectChanged
  | ProjectDeleted
  | IntegrationCreated
  | IntegrationChanged
  | IntegrationSecretRotated
  | IntegrationDeleted
  | EndpointCreated
  | EndpointChanged
  | EndpointSecretRotated
  | EndpointTestRequested
  | EndpointDeleted
  | EventPublished
  | WebhookRetryRequested
  | OrganizationImportStarted
  | OrganizationImportEnded
  | TokenCreated
  | TokenRevoked
  | HistoryPruned;

export type OrganizationEvent =
  | AdminEvent
  | EndpointFailing
  | EndpointDisabled
  | LogRecorded
  | DeployRecorded
  | InboundWebhookFailed
  | LaneImported
  | WebhookImported
  | LogsPruned;

/** What a webhook goes through. */
export type WebhookEvent =
  | WebhookScheduled
  | WebhookOmitted
  | WebhookRetried
  | AttemptStarted
  | AttemptFailed
  | WebhookProcessed
  | WebhookFailed;

export type OutboundEvent = WebhookEvent | WebhooksPruned;

export type LaneRecord = LaneSaved | PendingSaved | RetriedSaved | PendingDropped;

export type HooklaneEvent = InboundEvent | OrganizationEvent | OutboundEvent | LaneRecord;
export type EventType = HooklaneEvent['type'];

/** Partitions that a topic may have at most. */
export const MAX_PARTITIONS = 1_024;

/** `organizations`, `outbound` and `lanes` are co-partitioned: the same key stands in the same partition of each. */
export const TOPICS = ['inbound', 'organizations', 'outbound', 'lanes'] as const;
export type Topic = (typeof TOPICS)[number];

/** In which topic each type of event stands. */
export const TOPIC_OF: { readonly [T in EventType]: Topic } = {
  LogReceived: 'inbound',
  DeployReceived: 'inbound',
  OrganizationCreated: 'organizations',
  OrganizationChanged: 'organizations',
  OrganizationSecretRotated: 'organizations',
  SecretsResealed: 'organizations',
  OrganizationDeleted: 'organizations',
  ProjectCreated: 'organizations',
  ProjectChanged: 'organizations',
  ProjectDeleted: 'organizations',
  IntegrationCreated: 'organizations',
  IntegrationChanged: 'organizations',
  IntegrationSecretRotated: 'organizations',
  IntegrationDeleted: 'organizations',
  EndpointCreated: 'organizations',
  EndpointChanged: 'organizations',
  EndpointSecretRotated: 'organizations',
  EndpointFailing: 'organizations',
  EndpointDisabled: 'organizations',
  EndpointTestRequested: 'organizations',
  EndpointDeleted: 'organizations',
  LogRecorded: 'organizations',
  DeployRecorded: 'organizations',
  InboundWebhookFailed: 'organizations',
  EventPublished: 'organizations',
  WebhookRetryRequested: 'organizations',
  OrganizationImportStarted: 'organizations',
  LaneImported: 'organizations',
  WebhookImported: 'organizations',
  OrganizationImportEnded: 'organizations',
  LogsPruned: 'organizations',
  TokenCreated: 'organizations',
  TokenRevoked: 'organizations',
  HistoryPruned: 'organizations',
  WebhookScheduled: 'outbound',
  WebhookOmitted: 'outbound',
  WebhookRetried: 'outbound',
  AttemptStarted: 'outbound',
  AttemptFailed: 'outbound',
  WebhookProcessed: 'outbound',
  WebhookFailed: 'outbound',
  WebhooksPruned: 'outbound',
  LaneSaved: 'lanes',
  PendingSaved: 'lanes',
  RetriedSaved: 'lanes',
  PendingDropped: 'lanes',
};

export type ImportEvent =
  | OrganizationImportStarted
  | LaneImported
  | WebhookImported
  | OrganizationImportEnded;

const OF_IMPORTS: ReadonlySet<string> = new Set<ImportEvent['type']>([
  'OrganizationImportStarted',
  'LaneImported',
  'WebhookImported',
  'OrganizationImportEnded',
]);

/** Whether an event is of an import itself, and not what the organization has gone through. */
export function isOfImport(event: HooklaneEvent): event is ImportEvent {
  return OF_IMPORTS.has(event.type);
}

/** What an inbound webhook becomes. */
export type RecordEvent = LogRecorded | DeployRecorded | InboundWebhookFailed;

export const RECORDS: readonly EventType[] = ['LogRecorded', 'DeployRecorded', 'InboundWebhookFailed'];

/** Whether the event is what becomes of an inbound webhook. */
export function isRecord(event: HooklaneEvent): event is RecordEvent {
  return RECORDS.includes(event.type);
}

/** The key of what is of no organization, or of all: tokens that are bound to none were the first. */
const UNBOUND_KEY = 'tokens';

/** The key of an event: what shares a key is in one partition, in order. */
export function keyOf(event: HooklaneEvent): string {
  if (TOPIC_OF[event.type] === 'inbound') return (event as InboundEvent).integrationId;
  return event.organizationId ?? UNBOUND_KEY;
}

/** The events of one topic. */
export type EventOf<T extends Topic> = {
  inbound: InboundEvent;
  organizations: OrganizationEvent;
  outbound: OutboundEvent;
  lanes: LaneRecord;
}[T];

/** Under which key a compacted topic keeps only the newest record: a lane, or one pending webhook of it. */
export function compactionKeyOf(record: LaneRecord): string {
  return record.type === 'LaneSaved' ? record.organizationId : `${record.organizationId}/${record.webhookId}`;
}

/** When the event was written; null for what says no time: records of lanes, which are states, and what stands for others. */
export function atMsOf(event: HooklaneEvent): number | null {
  if ('atMs' in event) return event.atMs;
  return 'receivedAtMs' in event ? event.receivedAtMs : null;
}

/** When the request of an attempt may leave. */
export function startsAtMsOf({ atMs, startsAtMs }: Pick<AttemptStarted, 'atMs' | 'startsAtMs'>): number {
  return startsAtMs ?? atMs;
}
