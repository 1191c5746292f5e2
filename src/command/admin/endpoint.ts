// Endpoints of an organization: made, changed, given a new signing secret, tested, deleted.

import { type EndpointSettings, WHEN_BUSY } from '../../events.ts';
import { newId } from '../../ids.ts';
import type { SigningSecrets } from '../../sealed.ts';
import { newSigningSecret } from '../../secrets.ts';
import { BY_OPERATOR, endpointSettings, shownEndpointSettings } from '../../settings.ts';
import { parseDuration, toIso } from '../../time.ts';
import type { Endpoint } from '../directory-state.ts';
import { InvalidInput, inputParser } from '../input.ts';
import { type AdminContext, type Decision, EndpointIsDisabled, existing } from './decision.ts';
import { endpointBytes, ensureRoom } from './endpoint-room.ts';

interface EndpointInput {
  url: string;
  events: string[];
  gap?: string;
  timeout?: string;
  whenBusy?: EndpointSettings['whenBusy'];
  maxQueued?: number;
  retries?: string[];
  status?: EndpointSettings['status'];
}

const properties = {
  url: { type: 'string', format: 'endpoint-url' },
  events: {
    type: 'array',
    minItems: 1,
    maxItems: 50,
    items: { type: 'string', format: 'kind-pattern' },
  },
  gap: { type: 'string', format: 'gap' },
  timeout: { type: 'string', format: 'timeout' },
  whenBusy: { type: 'string', enum: WHEN_BUSY },
  maxQueued: { type: 'integer', minimum: 1, maximum: 10_000 },
  retries: { type: 'array', maxItems: 20, items: { type: 'string', format: 'delay' } },
  status: { type: 'string', enum: ['active', 'disabled'] },
};
const object = { type: 'object', additionalProperties: false, properties };
const parseNew = inputParser<EndpointInput>({ ...object, required: ['url', 'events'] });
const parseChange = inputParser<Partial<EndpointInput>>(object);

const parseRotation = inputParser<{ grace?: string }>({
  type: 'object',
  additionalProperties: false,
  properties: { grace: { type: 'string', format: 'grace' } },
});

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** As Svix and Standard Webhooks have it: within 28 hours a receiver that was down is up again. */
export const DEFAULT_RETRIES_MS: readonly number[] = [
  ...[5 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS],
  ...[2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS],
];
/** How long the secret before a new one signs as well. */
const DEFAULT_GRACE_MS = 24 * HOUR_MS;

const DEFAULTS: EndpointSettings = {
  url: '',
  events: [],
  gapMs: 5_000,
  timeoutMs: 5_000,
  whenBusy: 'omit',
  maxQueued: 100,
  retriesMs: [...DEFAULT_RETRIES_MS],
  status: 'active',
  disabledReason: null,
};

function endpointAnswer(endpoint: Omit<Endpoint, keyof SigningSecrets>) {
  const { id, organizationId, createdAtMs } = endpoint;
  return { id, organizationId, ...shownEndpointSettings(endpoint), createdAt: toIso(createdAtMs) };
}

/** Settings as they are after `input`, which leaves out what is to stay. */
function withInput(settings: EndpointSettings, input: Partial<EndpointInput>): EndpointSettings {
  const { gap, timeout, retries, ...rest } = input;
  const status = input.status ?? settings.status;
  return {
    ...settings,
    ...rest,
    gapMs: toMs(gap) ?? settings.gapMs,
    timeoutMs: toMs(timeout) ?? settings.timeoutMs,
    retriesMs: retries?.map((delay) => toMs(delay) ?? 0) ?? settings.retriesMs,
    status,
    disabledReason: status === 'active' ? null : (settings.disabledReason ?? BY_OPERATOR),
  };
}

function toMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

/** Throws InvalidInput for a URL that nothing may be sent to. What its name resolves to is looked at when it is sent. */
function ensureSafe({ settings: { destinations } }: AdminContext, url: string): void {
  const refusal = destinations.refusalOfUrl(url);
  if (refusal !== undefined) throw new InvalidInput([{ field: 'url', message: refusal.detail }]);
}

export function createEndpoint(context: AdminContext, organization: string, input: unknown) {
  const { state, secrets, nowMs } = context;
  const { id: organizationId } = existing(state.organizations, 'organization', organization);
  const settings = withInput(DEFAULTS, parseNew(input));
  ensureSafe(context, settings.url);
  ensureRoom(state.endpointsOf.of(organizationId), endpointBytes(settings));
  const endpointId = newId('ep', nowMs);
  const signingSecret = newSigningSecret();
  const secret = secrets.seal(signingSecret);
  const answer = endpointAnswer({ id: endpointId, organizationId, createdAtMs: nowMs, ...settings });
  return {
    event: { type: 'EndpointCreated', organizationId, endpointId, atMs: nowMs, secret, ...settings },
    answer: { ...answer, signingSecret },
  } satisfies Decision<object>;
}

export function changeEndpoint(context: AdminContext, id: string, input: unknown) {
  const endpoint = existing(context.state.endpoints, 'endpoint', id);
  const { id: endpointId, organizationId } = endpoint;
  const settings = withInput(endpointSettings(endpoint), parseChange(input));
  // A URL that was allowed once and is no longer keeps nobody from disabling its endpoint.
  const isEnabled = settings.status === 'active' && endpoint.status === 'disabled';
  if (isEnabled || settings.url !== endpoint.url) ensureSafe(context, settings.url);
  const added = endpointBytes(settings) - endpointBytes(endpoint);
  // What takes less is always taken: an import may have brought too many.
  if (added > 0) ensureRoom(context.state.endpointsOf.of(organizationId), added);
  return {
    event: { type: 'EndpointChanged', organizationId, endpointId, atMs: context.nowMs, ...settings },
    answer: endpointAnswer({ ...endpoint, ...settings }),
  } satisfies Decision<object>;
}

/** `input` may say for how long the secret before signs as well: `{grace: "24h"}`. */
export function rotateEndpointSecret({ state, secrets, nowMs }: AdminContext, id: string, input: unknown) {
  const endpoint = existing(state.endpoints, 'endpoint', id);
  const { grace } = parseRotation(input);
  const { id: endpointId, organizationId } = endpoint;
  const signingSecret = newSigningSecret();
  const secret = secrets.seal(signingSecret);
  const graceMs = toMs(grace) ?? DEFAULT_GRACE_MS;
  const previousUntilMs = graceMs === 0 ? null : nowMs + graceMs;
  const ids = { organizationId, endpointId };
  const previousSecretUntil = previousUntilMs === null ? null : toIso(previousUntilMs);
  return {
    event: { type: 'EndpointSecretRotated', ...ids, atMs: nowMs, secret, previousUntilMs },
    answer: { ...endpointAnswer(endpoint), signingSecret, previousSecretUntil },
  } satisfies Decision<object>;
}

/** Sends a test webhook to the endpoint, whatever it subscribes to. Answers as a delivery that is asked for. */
export function testEndpoint({ state, nowMs }: AdminContext, id: string) {
  const { id: endpointId, organizationId, status } = existing(state.endpoints, 'endpoint', id);
  if (status === 'disabled') throw new EndpointIsDisabled(endpointId);
  const ids = { organizationId, endpointId, webhookId: newId('wh', nowMs), eventId: newId('evt', nowMs) };
  return {
    event: { type: 'EndpointTestRequested', ...ids, atMs: nowMs },
    answer: { id: ids.webhookId, endpointId, eventId: ids.eventId, status: 'pending' },
  } satisfies Decision<object>;
}

export function deleteEndpoint({ state, nowMs }: AdminContext, id: string): Decision {
  const { id: endpointId, organizationId } = existing(state.endpoints, 'endpoint', id);
  return { event: { type: 'EndpointDeleted', organizationId, endpointId, atMs: nowMs }, answer: undefined };
}
