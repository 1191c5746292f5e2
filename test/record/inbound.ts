// Inbound webhooks as tests need them: of one integration, with the payload given.

import { readFileSync } from 'node:fs';
import { type InboundEvent, type LogRecorded, UNKEYED } from '../../src/events.ts';
import { record } from '../../src/record/record.ts';

/** The evening of the day on which the example payloads were made. */
export const RECEIVED_AT_MS = Date.UTC(2026, 10, 3, 20);
export const NOW_MS = RECEIVED_AT_MS + 40;
/** When and from where it is recorded. */
export const AT = { nowMs: NOW_MS, partition: 2, offset: 11 };

/** What an integration posted; a text or bytes as they are, anything else as JSON. */
export function received(payload: unknown, type: InboundEvent['type'] = 'LogReceived'): InboundEvent {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return {
    type,
    id: 'in_01K9',
    organizationId: 'org_1',
    projectId: 'prj_1',
    integrationId: 'int_1',
    receivedAtMs: RECEIVED_AT_MS,
    headers: {},
    body: Buffer.isBuffer(payload) ? payload : Buffer.from(body),
    imported: false,
    ...UNKEYED,
  };
}

/** The example payload of this name, parsed. */
export function example(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`payloads/${name}.json`, import.meta.url), 'utf8'));
}

/** The log that a payload becomes; fails if it becomes something else. */
export function logOf(payload: unknown): LogRecorded {
  const event = record(received(payload), AT);
  if (event.type !== 'LogRecorded') throw new Error(`became ${JSON.stringify(event)}`);
  return event;
}

/** What is in the `extra` of the log that a payload becomes. */
export function extraOf(payload: unknown): unknown {
  return JSON.parse(logOf(payload).extra);
}
