// The Avro schemas: today's, one file an event type in schemas/, and every one ever released in schemas/released/, whose
// name tells of which type it is and its fingerprint. Each is read when it is first needed, as all of them together take
// longer than the rest of the log's start.

import { readdirSync, readFileSync } from 'node:fs';
import avro from 'avsc';
import { type EventType, TOPIC_OF } from '../events.ts';
import { fingerprint } from './fingerprint.ts';

/** Where the schemas are: beside src/ in a checkout, beside dist/ in the package. */
export const SCHEMAS = new URL('../../schemas/', import.meta.url);
export const RELEASED = new URL('released/', SCHEMAS);

/** A schema as it was written with or is read with. */
export interface Schema {
  eventType: StoredType;
  avro: avro.Type;
  /** CRC-64-AVRO, 8 bytes little-endian. */
  fingerprint: Buffer;
}

/** Which schema was released, by the name of its file. */
export interface Release {
  eventType: StoredType;
  fingerprint: Buffer;
}

/** Types of events that are stored; PendingDropped only takes a record away. */
export type StoredType = Exclude<EventType, 'PendingDropped'>;

export const STORED_TYPES = Object.keys(TOPIC_OF).filter(isStored);

function isStored(type: string): type is StoredType {
  return type in TOPIC_OF && type !== 'PendingDropped';
}

/** The name of the file that keeps a released schema: it tells when the schema in it is not the one that was released. */
export function releasedName({ eventType, fingerprint }: Release): string {
  return `${eventType}.${fingerprint.toString('hex')}.avsc`;
}

/** Every schema ever released: what must stay readable. */
export const releases: readonly Release[] = readdirSync(RELEASED)
  .filter((name) => name.endsWith('.avsc'))
  .map((name) => {
    const [eventType = '', hex = ''] = name.split('.');
    if (!isStored(eventType)) throw new Error(`${name}: there is no such event`);
    return { eventType, fingerprint: Buffer.from(hex, 'hex') };
  });

/** Parses a schema, as the text of its file has it. */
export function parseSchema(eventType: StoredType, text: string): Schema {
  const type = avro.Type.forSchema(JSON.parse(text), { omitRecordMethods: true });
  return { eventType, avro: type, fingerprint: fingerprint(JSON.stringify(type.schema())) };
}

const current = new Map<StoredType, Schema>();

/** Today's schema of a type: what is written. Throws when there is none. */
export function currentSchema(eventType: StoredType): Schema {
  if (!isStored(eventType)) throw new Error(`${eventType} has no schema`);
  const schema = current.get(eventType) ?? parsed(eventType, new URL(`${eventType}.avsc`, SCHEMAS));
  current.set(eventType, schema);
  return schema;
}

/** A schema that was released. Throws when its file has another one. */
export function releasedSchema(release: Release): Schema {
  const name = releasedName(release);
  const schema = parsed(release.eventType, new URL(name, RELEASED));
  if (releasedName(schema) !== name) throw new Error(`schemas/released/${name} is not what was released`);
  return schema;
}

function parsed(eventType: StoredType, file: URL): Schema {
  return parseSchema(eventType, readFileSync(file, 'utf8'));
}
