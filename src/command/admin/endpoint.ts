// Endpoints of an organization: made, changed, given a new signing secret, deleted.

import { type EndpointSettings, WHEN_BUSY } from '../../events.ts';
import { newId } from '../../ids.ts';
import { newSigningSecret } from '../../secrets.ts';
import { endpointSettings, shownEndpointSettings } from '../../settings.ts';
import { parseDuration, toIso } from '../../time.ts';
import type { Endpoint } from '../directory-state.ts';
import { InvalidInput, inputParser } from '../input.ts';
import { type AdminContext, type Decision, existing } from './decision.ts';

interface EndpointInput {
  url: string;
  events: string[];
  gap?: string;
  timeout?: string;
  whenBusy?: EndpointSettings['whenBusy'];
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
  retries: { type: 'array', maxItems: 20, items: { type: 'string', format: 'delay' } },
  status: { type: 'string', enum: ['active', 'disabled'] },
};
const object = { type: 'object', additionalProperties: false, properties };
const parseNew = inputParser<EndpointInput>({ ...object, required: ['url', 'events'] });
const parseChange = inputParser<Partial<EndpointInput>>(object);

const DEFAULTS: EndpointSettings = {
  url: '',
  events: [],
  gapMs: 5_000,
  timeoutMs: 5_000,
  whenBusy: 'omit',
  retriesMs: [],
  status: 'active',
  disabledReason: null,
};

function endpointAnswer(endpoint: Endpoint) {
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
    disabledReason: status === 'active' ? null : (settings.disabledReason ?? 'by an operator'),
  };
}

function toMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function ensureSafe({ settings: { production, allowHttp } }: AdminContext, url: string): void {
  if (!production || allowHttp || url.toLowerCase().startsWith('https:')) return;
  const message = 'allowed in production: https only, unless HOOKLANE_ALLOW_HTTP=1';
  throw new InvalidInput([{ field: 'url', message }]);
}

export function createEndpoint(context: AdminContext, organization: string, input: unknown) {
  const { state, secrets, nowMs } = context;
  const { id: organizationId } = existing(state.organizations, 'organization', organization);
  const settings = withInput(DEFAULTS, parseNew(input));
  ensureSafe(context, settings.url);
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
  ensureSafe(context, settings.url);
  return {
    event: { type: 'EndpointChanged', organizationId, endpointId, atMs: context.nowMs, ...settings },
    answer: endpointAnswer({ ...endpoint, ...settings }),
  } satisfies Decision<object>;
}

export function rotateEndpointSecret({ state, secrets, nowMs }: AdminContext, id: string) {
  const endpoint = existing(state.endpoints, 'endpoint', id);
  const { id: endpointId, organizationId } = endpoint;
  const signingSecret = newSigningSecret();
  const secret = secrets.seal(signingSecret);
  return {
    event: { type: 'EndpointSecretRotated', organizationId, endpointId, atMs: nowMs, secret },
    answer: { ...endpointAnswer(endpoint), signingSecret },
  } satisfies Decision<object>;
}

export function deleteEndpoint({ state, nowMs }: AdminContext, id: string): Decision {
  const { id: endpointId, organizationId } = existing(state.endpoints, 'endpoint', id);
  return { event: { type: 'EndpointDeleted', organizationId, endpointId, atMs: nowMs }, answer: undefined };
}
