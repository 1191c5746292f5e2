// Events to bytes and back: Avro single-object encoding (the marker C3 01, the fingerprint of the writer's schema,
// the record). What an older release wrote is read through a resolver from its schema to today's.

import type avro from 'avsc';
import type { EventType, HooklaneEvent } from '../events.ts';
import { currentSchema, type Release, releasedSchema, releases, type StoredType } from './schemas.ts';

const MARKER = Buffer.from([0xc3, 0x01]);
const HEADER_BYTES = 10;

/** An event that is stored. */
export type StoredKind = Extract<HooklaneEvent, { type: StoredType }>;

/** Bytes that are no event we know. The caller knows where they stand. */
export class Undecodable extends Error {
  readonly code = 'UNDECODABLE';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Undecodable';
  }
}

interface Writer {
  type: avro.Type;
  header: Buffer;
}

/** Who reads what was written with one schema that was released. */
interface Reader {
  eventType: StoredType;
  /** Made when the first such event is decoded. */
  decoding: Decoding | undefined;
  release: Release;
}

interface Decoding {
  type: avro.Type;
  /** From the writer's schema, where it is not today's. */
  resolver: avro.Resolver | undefined;
}

const writers = new Map<EventType, Writer>();
/** By the fingerprint's two halves: numbers make a quicker key than text. */
const readers = new Map<number, Map<number, Reader>>();

for (const release of releases) {
  const { eventType, fingerprint } = release;
  const low = fingerprint.readUInt32LE(0);
  const byHigh = readers.get(low) ?? new Map<number, Reader>();
  readers.set(low, byHigh.set(fingerprint.readUInt32LE(4), { eventType, decoding: undefined, release }));
}

function readerOf(bytes: Buffer, at: number): Reader | undefined {
  return readers.get(bytes.readUInt32LE(at))?.get(bytes.readUInt32LE(at + 4));
}

/** What was written with a schema that is not released yet could not be read by anybody later: it is not written. */
function makeWriter(eventType: StoredType): Writer {
  const { avro: type, fingerprint } = currentSchema(eventType);
  if (readerOf(fingerprint, 0) === undefined)
    throw new Error(`the schema of ${eventType} has changed: run \`npm run schemas:release\` first`);
  const writer = { type, header: Buffer.concat([MARKER, fingerprint]) };
  writers.set(eventType, writer);
  return writer;
}

function makeDecoding(release: Release): Decoding {
  const { eventType } = release;
  const { avro: type, fingerprint } = currentSchema(eventType);
  if (fingerprint.equals(release.fingerprint)) return { type, resolver: undefined };
  try {
    return { type, resolver: type.createResolver(releasedSchema(release).avro) };
  } catch (error) {
    const why = (error as Error).message;
    throw new Undecodable(`${eventType} of an older release cannot be read: ${why}`, { cause: error });
  }
}

/** Where events are encoded before their bytes are copied out; grows to the largest event there was. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** The bytes of an event. Throws when a field is missing or of the wrong type. */
export function encode(event: StoredKind): Buffer {
  const writer = writers.get(event.type) ?? makeWriter(event.type);
  for (;;) {
    const end = writer.type.encode(event, scratch, HEADER_BYTES);
    if (end >= 0) {
      writer.header.copy(scratch);
      return Buffer.from(scratch.subarray(0, end));
    }
    // A negative end says how much was missing.
    scratch = Buffer.allocUnsafeSlow(2 * (scratch.length - end));
  }
}

/** Who reads what these bytes begin with. */
function readerFor(bytes: Buffer): Reader | undefined {
  const isEvent = bytes.length >= HEADER_BYTES && bytes[0] === MARKER[0] && bytes[1] === MARKER[1];
  return isEvent ? readerOf(bytes, MARKER.length) : undefined;
}

/** Of which type the event is, by its first bytes alone; undefined: not an event we know. */
export function typeIn(bytes: Buffer): EventType | undefined {
  return readerFor(bytes)?.eventType;
}

/**
 * The event; it shares no memory with `bytes`. Throws Undecodable for bytes that are cut or damaged, or written with a
 * schema that was never released.
 */
export function decode(bytes: Buffer): StoredKind {
  const reader = readerFor(bytes);
  if (reader === undefined) throw new Undecodable('not an event, or written by a newer release of Hooklane');
  const { eventType } = reader;
  const { value, offset } = decodeRecord(reader, bytes);
  if (offset !== bytes.length) throw new Undecodable(`${eventType} is cut or has bytes left over`);
  // avsc makes instances of a class of its own; events are plain objects.
  const event = { type: eventType, ...value };
  // Only these have records within them.
  if (eventType === 'LaneSaved' || eventType === 'LaneImported') event.endpoints = plain(event.endpoints);
  return event;
}

/** A copy made of plain objects and arrays. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = { ...value };
  for (const name in copy) {
    const field = copy[name];
    if (typeof field === 'object') copy[name] = plain(field);
  }
  return copy;
}

function decodeRecord(reader: Reader, bytes: Buffer) {
  const { eventType } = reader;
  reader.decoding ??= makeDecoding(reader.release);
  const { type, resolver } = reader.decoding;
  try {
    return type.decode(bytes, HEADER_BYTES, resolver);
  } catch (error) {
    throw new Undecodable(`${eventType} is damaged: ${(error as Error).message}`, { cause: error });
  }
}
