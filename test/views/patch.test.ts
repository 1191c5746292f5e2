import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyPatch, canonicalJson } from '../../src/views/patch.ts';
import type { Fields } from '../../src/views/views.ts';

test('set comes before setOnce, max, min and put', () => {
  const fields: Fields = { a: 9, b: 9, c: 9, d: { old: 1 } };
  applyPatch(fields, {
    set: { a: null, b: 1, c: 1, d: { new: 1 } },
    setOnce: { a: 'once' },
    max: { b: 2 },
    min: { c: 0 },
    put: { d: { x: 1 } },
  });
  assert.deepEqual(fields, { a: 'once', b: 2, c: 0, d: { new: 1, x: 1 } });
});

test('null takes a field away, and is nothing to setOnce, max and min', () => {
  const fields: Fields = { a: 1, b: null, c: null, d: null };
  applyPatch(fields, { set: { a: null, never: null }, setOnce: { b: 2 }, max: { c: -5 }, min: { d: 5 } });
  assert.deepEqual(fields, { b: 2, c: -5, d: 5 });
});

test('false, zero and an empty text are values, that setOnce leaves', () => {
  const fields: Fields = { a: false, b: 0, c: '' };
  applyPatch(fields, { setOnce: { a: 1, b: 1, c: 1 } });
  assert.deepEqual(fields, { a: false, b: 0, c: '' });
});

test('what a patch holds is not changed by patches that come after it', () => {
  const first = { set: { map: { a: 1 } } };
  const fields: Fields = {};
  applyPatch(fields, first);
  applyPatch(fields, { put: { map: { b: 2 } } });
  assert.deepEqual(first, { set: { map: { a: 1 } } });
  assert.deepEqual(fields, { map: { a: 1, b: 2 } });
});

test('canonical JSON has keys in order at every depth, and leaves lists in theirs', () => {
  const text = canonicalJson({ b: [{ z: 1, a: [3, 1, 2] }], a: { y: null, x: 'é' } });
  assert.equal(text, '{"a":{"x":"é","y":null},"b":[{"a":[3,1,2],"z":1}]}');
});

test('fields that are null are not in canonical JSON, but null within a field is', () => {
  assert.equal(canonicalJson({ a: null, b: [null], c: { d: null } }), '{"b":[null],"c":{"d":null}}');
});

test('__proto__ is a key as any other', () => {
  const fields: Fields = JSON.parse('{"b":{"__proto__":{"x":1},"a":2}}');
  assert.equal(canonicalJson(fields), '{"b":{"__proto__":{"x":1},"a":2}}');
  applyPatch(fields, { put: { b: JSON.parse('{"__proto__":3}') } });
  assert.equal(canonicalJson(fields), '{"b":{"__proto__":3,"a":2}}');
  assert.equal(Object.hasOwn({}, 'x'), false);
});

test('whatever the order of its keys, a document has one text, which reads back as it', () => {
  const json = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ noUnicodeString: false }));
  fc.assert(
    fc.property(json, (document) => {
      const fields: Fields = JSON.parse(JSON.stringify(document));
      const text = canonicalJson(fields);
      assert.equal(canonicalJson(shuffled(fields)), text);
      assert.equal(canonicalJson(JSON.parse(text)), text);
      const kept = Object.entries(fields).filter(([, value]) => value !== null);
      assert.equal(Object.keys(JSON.parse(text)).length, kept.length);
    }),
  );
});

/** The same with all keys in the other order. */
function shuffled<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, part) =>
    part === null || typeof part !== 'object' || Array.isArray(part)
      ? part
      : Object.fromEntries(Object.entries(part).reverse()),
  );
}
