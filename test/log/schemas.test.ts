// What keeps old logs readable: every schema that was ever released stays, as it was, and is understood.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TOPIC_OF } from '../../src/events.ts';
import { fingerprint } from '../../src/log/fingerprint.ts';
import {
  currentSchema,
  parseSchema,
  RELEASED,
  releasedName,
  releasedSchema,
  releases,
  SCHEMAS,
  STORED_TYPES,
} from '../../src/log/schemas.ts';
import { EXAMPLES } from './examples.ts';

const releasedFiles = readdirSync(RELEASED).sort();
const currentSchemas = STORED_TYPES.map(currentSchema);

test('the fingerprint is CRC-64-AVRO, little-endian', () => {
  // Source: the Avro project's test data, share/test/data/schema-tests.txt.
  const known: [canonical: string, fingerprint: bigint][] = [
    ['"null"', 7195948357588979594n],
    ['"int"', 8247732601305521295n],
    ['{"name":"foo","type":"fixed","size":15}', 1756455273707447556n],
    ['{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}', 7843277075252814651n],
  ];
  for (const [canonical, expected] of known) {
    assert.equal(fingerprint(canonical).readBigInt64LE(), expected, canonical);
  }
});

test('what does not change how a record is written does not change the fingerprint', () => {
  const bare = '{"type":"record","name":"hooklane.A","fields":[{"name":"a","type":"long"}]}';
  const dressed = `{"doc":"x","namespace":"hooklane","name":"A","type":"record",
    "fields":[{"doc":"y","default":1,"type":{"type":"long"},"name":"a"}]}`;
  assert.deepEqual(
    parseSchema('LogReceived', dressed).fingerprint,
    parseSchema('LogReceived', bare).fingerprint,
  );
  const other = bare.replace('long', 'int');
  assert.notDeepEqual(
    parseSchema('LogReceived', other).fingerprint,
    parseSchema('LogReceived', bare).fingerprint,
  );
});

test('every stored event type has its schema, and every schema its type', () => {
  const stored = Object.keys(TOPIC_OF).filter((type) => type !== 'PendingDropped');
  const files = readdirSync(SCHEMAS).filter((name) => name.endsWith('.avsc'));
  assert.deepEqual(files.sort(), stored.map((type) => `${type}.avsc`).sort());
  assert.deepEqual([...STORED_TYPES].sort(), stored.sort());
  for (const { eventType, avro } of currentSchemas) assert.equal(avro.name, `hooklane.${eventType}`);
});

test('a schema has the fields that its event has', () => {
  for (const { eventType } of currentSchemas) {
    const schema = JSON.parse(readFileSync(new URL(`${eventType}.avsc`, SCHEMAS), 'utf8'));
    const names = schema.fields.map(({ name }: { name: string }) => name);
    const { type, ...fields } = EXAMPLES[eventType];
    assert.deepEqual(names.sort(), Object.keys(fields).sort(), type);
  }
});

test("today's schemas are among the released ones", () => {
  const missing = currentSchemas.map(releasedName).filter((name) => !releasedFiles.includes(name));
  assert.deepEqual(
    missing,
    [],
    'a schema has changed: run `npm run schemas:release` and commit the new files',
  );
});

test('a released schema is as it was released', () => {
  assert.deepEqual(releases.map(releasedSchema).map(releasedName).sort(), releasedFiles);
});

test("what was written with a released schema can be read with today's", () => {
  for (const released of releases.map(releasedSchema)) {
    const current = currentSchema(released.eventType);
    assert.doesNotThrow(() => current.avro.createResolver(released.avro), releasedName(released));
  }
});
