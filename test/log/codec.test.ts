import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type avro from 'avsc';
import fc, { type Arbitrary } from 'fast-check';
import { decode, encode, type StoredKind, typeIn, Undecodable } from '../../src/log/codec.ts';
import { currentSchema, parseSchema, releasedName, SCHEMAS, STORED_TYPES } from '../../src/log/schemas.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { EXAMPLES } from './examples.ts';

const examples: StoredKind[] = Object.values(EXAMPLES);

test('an event is the marker, the fingerprint of its schema and the record', () => {
  for (const schema of STORED_TYPES.map(currentSchema)) {
    const event = EXAMPLES[schema.eventType];
    const bytes = encode(event);
    assert.deepEqual(bytes.subarray(0, 2), Buffer.from([0xc3, 0x01]));
    assert.deepEqual(bytes.subarray(2, 10), schema.fingerprint);
    assert.deepEqual(bytes.subarray(10), schema.avro.toBuffer(event));
  }
});

test('every example comes back as the plain object that it was', () => {
  for (const event of examples) assert.deepEqual(decode(encode(event)), event);
});

for (const { eventType, avro } of STORED_TYPES.map(currentSchema)) {
  test(`any ${eventType} comes back as it was`, () => {
    fc.assert(
      fc.property(anyOf(avro), (fields) => {
        const event = { type: eventType, ...Object(fields) };
        assert.deepEqual(decode(encode(event)), event);
      }),
      { numRuns: 50 },
    );
  });
}

test('the type is told by the first bytes alone', () => {
  for (const event of examples) {
    assert.equal(typeIn(encode(event).subarray(0, 10)), event.type);
    assert.equal(typeIn(encode(event).subarray(0, 9)), undefined);
  }
  assert.equal(typeIn(Buffer.alloc(10)), undefined);
});

test('an event without a field, or with a wrong one, cannot be encoded', () => {
  const { name: _, ...nameless } = EXAMPLES.ProjectCreated;
  assert.throws(() => encode(nameless as never));
  assert.throws(() => encode({ ...EXAMPLES.ProjectCreated, atMs: 'now' } as never));
  assert.throws(() => encode({ type: 'PendingDropped' } as never), /no schema/);
});

test('an event that is cut anywhere, or has bytes behind it, is told from a whole one', () => {
  for (const event of examples) {
    const bytes = encode(event);
    const cuts = bytes.length > 2_000 ? [0, 5, 10, 11, 100, bytes.length - 1] : bytes.keys();
    for (const cut of cuts) assert.throws(() => decode(bytes.subarray(0, cut)), Undecodable, `at ${cut}`);
    assert.throws(() => decode(Buffer.concat([bytes, Buffer.alloc(1)])), Undecodable);
  }
});

test('a field that cannot be is told from a whole event', () => {
  const bytes = encode({ ...EXAMPLES.WebhookOmitted, freeAtMs: null });
  // The last byte says which branch of the union follows: there are two.
  bytes[bytes.length - 1] = 8;
  assert.throws(() => decode(bytes), { code: 'UNDECODABLE', message: /WebhookOmitted is damaged/ });
});

test('a schema that was never released is refused in so many words', () => {
  const bytes = encode(EXAMPLES.ProjectCreated);
  bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9);
  assert.throws(() => decode(bytes), { code: 'UNDECODABLE', message: /newer release/ });
});

test('a decoded event shares no memory with the bytes that it came from', () => {
  const bytes = encode(EXAMPLES.LogReceived);
  const event = decode(bytes);
  bytes.fill(0);
  assert.deepEqual(event, EXAMPLES.LogReceived);
});

test('encoded events share no memory with each other', () => {
  const first = encode(EXAMPLES.LogReceived);
  const copy = Buffer.from(first);
  encode(EXAMPLES.PendingSaved);
  assert.deepEqual(first, copy);
});

// ── other releases ──────────────────────────────────────────────────────────────────────────────────────────

type Codec = typeof import('../../src/log/codec.ts');

/** The codec as it is today, in a checkout of its own, with another file in schemas/. */
async function codecWith(t: TestContext, path: string, text: string): Promise<Codec> {
  const directory = temporaryDirectory(t);
  const root = join(import.meta.dirname, '../..');
  mkdirSync(join(directory, 'src'));
  for (const path of ['src/log', 'src/events.ts', 'src/ids.ts', 'schemas', 'package.json']) {
    cpSync(join(root, path), join(directory, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction');
  writeFileSync(join(directory, 'schemas', path), text);
  return import(pathToFileURL(join(directory, 'src/log/codec.ts')).href);
}

/** The same, in which `text` was released as a schema of IntegrationChanged. */
function codecAfter(t: TestContext, text: string): Promise<Codec> {
  return codecWith(t, `released/${releasedName(parseSchema('IntegrationChanged', text))}`, text);
}

/** An IntegrationChanged as a release with this schema wrote it. */
function writtenWith(text: string, fields: object): Buffer {
  const schema = parseSchema('IntegrationChanged', text);
  const record = schema.avro.toBuffer({ ...EXAMPLES.IntegrationChanged, ...fields });
  return Buffer.concat([Buffer.from([0xc3, 0x01]), schema.fingerprint, record]);
}

/** The schema of IntegrationChanged with other fields. */
function otherSchema(change: (fields: { name: string }[]) => unknown[]): string {
  const schema = JSON.parse(readFileSync(new URL('IntegrationChanged.avsc', SCHEMAS), 'utf8'));
  return JSON.stringify({ ...schema, fields: change(schema.fields) });
}

test('what an older release wrote is read: new fields get their default, fields that are gone are left out', async (t) => {
  const older = otherSchema((fields) => [
    { name: 'color', type: 'string' },
    ...fields.filter(({ name }) => name !== 'burst'),
  ]);
  const written = writtenWith(older, { color: 'red' });
  assert.throws(() => decode(written), Undecodable);
  const later = await codecAfter(t, older);
  assert.deepEqual(later.decode(written), { ...EXAMPLES.IntegrationChanged, burst: null });
  assert.throws(() => later.decode(written.subarray(0, -1)), { code: 'UNDECODABLE' });
});

test('what can no longer be read is told from what is damaged', async (t) => {
  const incompatible = otherSchema((fields) => fields.filter(({ name }) => name !== 'name'));
  const { decode: decodeLater } = await codecAfter(t, incompatible);
  const message = /^IntegrationChanged of an older release cannot be read: .*name/;
  assert.throws(() => decodeLater(writtenWith(incompatible, {})), { code: 'UNDECODABLE', message });
});

test('a released schema that is not what was released is not read with', async (t) => {
  const older = otherSchema((fields) => fields.filter(({ name }) => name !== 'burst'));
  const name = releasedName(parseSchema('IntegrationChanged', older));
  const { decode: decodeLater } = await codecWith(
    t,
    `released/${name}`,
    otherSchema((fields) => fields),
  );
  const message = /cannot be read: schemas\/released\/IntegrationChanged\.\w+\.avsc is not what was released/;
  assert.throws(() => decodeLater(writtenWith(older, {})), { code: 'UNDECODABLE', message });
});

test('nothing is written with a schema that was not released', async (t) => {
  const newer = otherSchema((fields) => fields.filter(({ name }) => name !== 'burst'));
  const { encode: encodeLater } = await codecWith(t, 'IntegrationChanged.avsc', newer);
  assert.throws(() => encodeLater(EXAMPLES.IntegrationChanged), /IntegrationChanged has changed: run/);
});

// ── values of any schema ────────────────────────────────────────────────────────────────────────────────────

/** Avro's types as avsc has them, as far as our schemas use them. */
type Shape = avro.Type & {
  fields: { name: string; type: Shape }[];
  types: Shape[];
  itemsType: Shape;
  valuesType: Shape;
};

function anyOf(type: avro.Type): Arbitrary<unknown> {
  const { typeName, fields, types, itemsType, valuesType } = type as Shape;
  const text = fc.string({ unit: 'grapheme' });
  switch (typeName) {
    case 'record':
      return fc.record(Object.fromEntries(fields.map(({ name, type }) => [name, anyOf(type)])), {
        noNullPrototype: true,
      });
    case 'union:unwrapped':
      return fc.oneof(...types.map(anyOf));
    case 'array':
      return fc.array(anyOf(itemsType), { maxLength: 4 });
    case 'map': {
      // avsc sets keys as properties, so this one is lost.
      const key = text.filter((key) => key !== '__proto__');
      return fc.dictionary(key, anyOf(valuesType), { maxKeys: 4, noNullPrototype: true });
    }
    case 'boolean':
      return fc.boolean();
    case 'string':
      return text;
    case 'long':
      // avsc is exact from -2^52; the greatest is that of a Date.
      return fc.maxSafeInteger().filter((n) => n >= -(2 ** 52) && n <= 8.64e15);
    case 'int':
      return fc.integer();
    case 'bytes':
      return fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    case 'null':
      return fc.constant(null);
    default:
      throw new Error(`no schema of ours has ${typeName}`);
  }
}
