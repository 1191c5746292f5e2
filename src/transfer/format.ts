// The file that an export is: newline-delimited JSON. Pure.
//
//     header   what this is, of whom, from when, and which master key sealed secrets there
//     events   one a line: its topic, its type and its fields; bytes as base64
//     end      how many there were, and the SHA-256 of all lines before it: a file that was cut has none
//
// The events stand in the order in which an import writes them:
//
//     history      topics organizations, outbound and inbound, as far as it has been worked off
//     LaneImported, then a WebhookImported for each that is pending
//     to be done   of organizations what the dispatcher had not taken in, of inbound what was not recorded
//
// Positions are of the log that they stand in, so none is in the file.

import type avro from 'avsc';
import {
  type EventType,
  type HooklaneEvent,
  type InboundEvent,
  type OrganizationEvent,
  type OutboundEvent,
  TOPIC_OF,
} from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import { decode, encode, Undecodable } from '../log/codec.ts';
import { currentSchema, STORED_TYPES } from '../log/schemas.ts';
import { TransferRefused } from './errors.ts';

/** The format of the file; a file of another one is refused. */
export const FORMAT = 1;

export interface Header {
  hooklane: 'export';
  format: number;
  /** The release that wrote it. */
  version: string;
  organizationId: OrganizationId;
  organization: string;
  exportedAt: string;
  /** The id of the master key that sealed then. Secrets from before may be sealed under others. */
  masterKey: string;
  /** Whether a server was working the log off: then more may have come since. */
  serving: boolean;
}

/** Events by what they are to an import. */
export interface Counts {
  inbound: number;
  organizations: number;
  outbound: number;
  /** Webhooks that are pending. */
  pending: number;
  /** Events that are yet to be taken in as triggers. */
  waiting: number;
  /** Inbound webhooks that are yet to be recorded. */
  unrecorded: number;
}

export interface End {
  end: Counts;
  sha256: string;
}

/** What stands in the place of the end where an export that was under way came to none: why, for people. */
export interface Failed {
  failed: string;
}

/** What may be in a file, but for NOT_MOVED; nothing of topic `lanes`. */
export type MovedEvent = InboundEvent | OrganizationEvent | OutboundEvent;

export function emptyCounts(): Counts {
  return { inbound: 0, organizations: 0, outbound: 0, pending: 0, waiting: 0, unrecorded: 0 };
}

/** The names of an event's fields, and which of them are bytes. */
interface FieldNames {
  names: Set<string>;
  bytes: string[];
}

const fieldNames = new Map<string, FieldNames>();

/** As the schema of this type has them; undefined: there is no such type. */
function fieldsOf(name: string): FieldNames | undefined {
  const known = fieldNames.get(name);
  if (known !== undefined) return known;
  const eventType = STORED_TYPES.find((type) => type === name);
  if (eventType === undefined) return undefined;
  const { fields } = currentSchema(eventType).avro as avro.types.RecordType;
  const bytes = fields.filter((field) => field.type.typeName === 'bytes').map((field) => field.name);
  const found = { names: new Set(fields.map((field) => field.name)), bytes };
  fieldNames.set(name, found);
  return found;
}

/** An event as its line, without the line's end. */
export function lineOf(event: MovedEvent): string {
  const { type, ...fields } = event;
  const values: Record<string, unknown> = { topic: TOPIC_OF[type], type, ...fields };
  for (const name of fieldsOf(type)?.bytes ?? []) {
    const value = values[name];
    if (Buffer.isBuffer(value)) values[name] = value.toString('base64');
  }
  return JSON.stringify(values);
}

/** The last line of a file, whose end `text` is; undefined: the file was cut off. */
export function lastLineOf(text: string): End | Failed | undefined {
  if (!text.endsWith('\n')) return undefined;
  const line = text.slice(0, -1).split('\n').at(-1) ?? '';
  return /^\{"(end|failed)":/.test(line) ? JSON.parse(line) : undefined;
}

/**
 * Events that a file must not hold: an import's own, tokens, which let in where they were made and nowhere else, and what
 * was done to the log that the file comes from.
 */
const NOT_MOVED: readonly EventType[] = [
  'OrganizationImportStarted',
  'OrganizationImportEnded',
  'TokenCreated',
  'TokenRevoked',
  'HistoryPruned',
];

export function isMoved({ type }: HooklaneEvent): boolean {
  return !NOT_MOVED.includes(type);
}

/**
 * The event of a line, which is JSON already. It is read as today's schema has it, so what an older release left out
 * has its default. Throws TransferRefused, whose message goes on after "line 7: ".
 */
export function eventOf(values: Record<string, unknown>): MovedEvent {
  const event = rawEventOf(values);
  try {
    return decode(encode(event)) as MovedEvent;
  } catch (error) {
    if (error instanceof Undecodable) throw error;
    throw new TransferRefused(`${event.type} is not as it should be: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The same of a line that has been read before: it is held against no schema, which takes twice as long. */
export function rawEventOf(values: Record<string, unknown>): MovedEvent {
  const { topic, type, ...fields } = values;
  const known = fieldsOf(String(type));
  if (NOT_MOVED.some((name) => name === type))
    throw new TransferRefused(`${type} may not be in a file: the file was put together`);
  if (known === undefined) {
    throw new TransferRefused(`no event is called ${JSON.stringify(type)} here; a newer release may know it`);
  }
  if (topic === 'lanes' || topic !== TOPIC_OF[type as EventType]) {
    throw new TransferRefused(`${type} does not stand in topic ${JSON.stringify(topic)}`);
  }
  const unknown = Object.keys(fields).find((name) => !known.names.has(name));
  if (unknown !== undefined)
    throw new TransferRefused(`${type} has no field ${JSON.stringify(unknown)} here; a newer release may`);
  for (const name of known.bytes) {
    const value = fields[name];
    if (typeof value === 'string') fields[name] = Buffer.from(value, 'base64');
  }
  return { type, ...fields } as MovedEvent;
}
