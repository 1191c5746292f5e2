// The Avro schemas: today's, one file an event type in schemas/, and every one ever released in
// schemas/released/, named for its type and fingerprint. Read once, when the module is loaded.

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

/** The name of the file that keeps a released schema: it tells when the schema in it is not the one that was released. */
export function releasedName({ eventType, fingerprint }: Schema): string {
  return `${eventType}.${fingerprint.toString('hex')}.avsc`;
}

/** Types of events that are stored; PendingDropped only takes a record away. */
export type StoredType = Exclude<EventType, 'PendingDropped'>;

/** Parses a schema, as the text of its file has it. */
export function parseSchema(eventType: StoredType, text: string): Schema {
  const type = avro.Type.forSchema(JSON.parse(text), { omitRecordMethods: true });
  return { eventType, avro: type, fingerprint: fingerprint(JSON.stringify(type.schema())) };
}

function isStored(type: string): type is StoredType {
  return type in TOPIC_OF && type !== 'PendingDropped';
}

function load(directory: URL): Schema[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.avsc'))
    .map((name) => {
      const [eventType = ''] = name.split('.');
      if (!isStored(eventType)) throw new Error(`${name}: there is no such event`);
      return parseSchema(eventType, readFileSync(new URL(name, directory), 'utf8'));
    });
}

/** Today's schemas: what is written. */
export const currentSchemas: readonly Schema[] = load(SCHEMAS);

/** Every schema ever released: what must stay readable. */
export const releasedSchemas: readonly Schema[] = load(RELEASED);
