// Documents as users see them: the fields of each thing, in order, the same in HTTP and with --json. `summary` is
// what lists show, `detail` what `show` adds. Pure.

import { isDeeperThan } from '../json.ts';
import type { Document, Fields, Value } from '../views/views.ts';
import { attemptsOf, timelineOf } from './timeline.ts';

export type Item = Fields;

/** The fields named, null where there is none. */
function pick(document: Document, fields: readonly string[]): Item {
  return Object.fromEntries(fields.map((field) => [field, document[field] ?? null]));
}

export function organization(document: Document): Item {
  return pick(document, ['id', 'name', 'createdAt', 'sentLastWebhookAt']);
}

export function project(document: Document): Item {
  return pick(document, ['id', 'organizationId', 'name', 'createdAt']);
}

export function integration(document: Document): Item {
  return pick(document, [
    'id',
    'organizationId',
    'projectId',
    'name',
    'createdAt',
    'origins',
    'rateLimits',
    'status',
  ]);
}

export function endpoint(document: Document): Item {
  const settings = [
    'url',
    'events',
    'gap',
    'timeout',
    'whenBusy',
    'maxQueued',
    'retries',
    'status',
    'disabledReason',
  ];
  return pick(document, ['id', 'organizationId', ...settings, 'createdAt']);
}

export function token(document: Document): Item {
  return pick(document, ['id', 'organizationId', 'name', 'scopes', 'createdAt', 'createdBy', 'expiresAt']);
}

export function inboundWebhook(document: Document): Item {
  const ids = ['id', 'organizationId', 'projectId', 'integrationId'];
  return pick(document, [...ids, 'resource', 'status', 'error', 'logId', 'eventId', 'receivedAt']);
}

export function inboundWebhookDetail(document: Document): Item {
  const payload = jsonOrText(document.payload);
  return { ...inboundWebhook(document), payload, headers: document.headers ?? {} };
}

export function log(document: Document): Item {
  const ids = ['id', 'organizationId', 'projectId', 'integrationId', 'inboundWebhookId'];
  const facts = [
    'message',
    'level',
    'type',
    'environment',
    'release',
    'fingerprint',
    'occurredAt',
    'receivedAt',
  ];
  return pick(document, [...ids, ...facts]);
}

export function logDetail(document: Document): Item {
  return {
    ...log(document),
    stack: document.stack ?? null,
    tags: jsonOrText(document.tags),
    user: jsonOrText(document.user),
    extra: jsonOrText(document.extra),
  };
}

export function delivery(document: Document): Item {
  const ids = ['id', 'organizationId', 'endpointId', 'event', 'eventId'];
  const state = ['status', 'reason', 'attemptCount', 'responseCode', 'error', 'nextAttemptAt', 'freeAt'];
  return pick(document, [...ids, ...state, 'host', 'createdAt', 'finishedAt']);
}

/** What a delivery is shown with, from other views. */
export interface DeliveryContext {
  /** Of the endpoint now. */
  url: string | null;
  /** Of its requests. */
  body: string | undefined;
  logId: string | null;
  inboundWebhookId: string | null;
}

export function deliveryDetail(
  document: Document,
  { url, body, logId, inboundWebhookId }: DeliveryContext,
): Item {
  const attempts = attemptsOf(document);
  const links = { logId, inboundWebhookId };
  return {
    ...delivery(document),
    ...links,
    url,
    payload: jsonOrText(body),
    attempts,
    timeline: timelineOf(document),
  };
}

/** Levels of objects and arrays that are shown as such; what is deeper overflows the stack of who prints it. */
const MAX_SHOWN_LEVELS = 256;

/** JSON text as what it says; text that is no JSON, or nested too deeply to be shown, as it is. */
function jsonOrText(text: Value | undefined): Value {
  if (typeof text !== 'string') return null;
  try {
    const value: Value = JSON.parse(text);
    return isDeeperThan(value, MAX_SHOWN_LEVELS) ? text : value;
  } catch {
    // What an integration sent need not be JSON for ever: an old payload is shown as it came.
    return text;
  }
}
