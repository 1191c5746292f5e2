import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeTime } from 'ulid';
import { derivedId, isId, newId, placedId, siblingId } from '../src/ids.ts';

/** What a ULID can hold: 48 bits of milliseconds. */
const anyTime = fc.nat({ max: 2 ** 48 - 1 });

test('new ids are ids, and sort in the order in which they were made, also within a millisecond', () => {
  const ids = Array.from({ length: 2_000 }, () => newId('wh'));
  assert.ok(ids.every((id) => isId('wh', id)));
  assert.equal(new Set(ids).size, 2_000);
  assert.deepEqual(ids, ids.toSorted());
});

test('ids sort as they were made also when the clock goes back', () => {
  const later = newId('log', Date.UTC(2040, 0));
  assert.ok(newId('log', Date.UTC(2039, 0)) > later);
});

test('ids of different milliseconds share no randomness, however many are made', () => {
  const ids = Array.from({ length: 2_000 }, (_, i) => newId('wh', Date.UTC(2050, 0) + i));
  assert.equal(new Set(ids.map((id) => id.slice(-16))).size, 2_000);
});

test('a sibling shares the ULID, both ways', () => {
  const inbound = newId('in');
  const log = siblingId('log', inbound);
  assert.equal(log, `log_${inbound.slice(3)}`);
  assert.equal(siblingId('in', siblingId('evt', log)), inbound);
});

test('a derived id is an id, begins with its time, and is the same for the same', () => {
  fc.assert(
    fc.property(anyTime, fc.string(), (atMs, parts) => {
      const id = derivedId('wh', atMs, parts);
      assert.ok(isId('wh', id), id);
      assert.equal(decodeTime(id.slice(3)), atMs);
      assert.equal(derivedId('wh', atMs, parts), id);
      assert.notEqual(derivedId('wh', atMs, `${parts}x`), id);
      assert.equal(siblingId('wh', derivedId('ep', atMs, parts)), id);
    }),
  );
});

test('derived ids sort by their time', () => {
  fc.assert(
    fc.property(anyTime, anyTime, fc.string(), fc.string(), (a, b, some, other) => {
      if (a < b) assert.ok(derivedId('wh', a, some) < derivedId('wh', b, other));
    }),
  );
});

test('a derived id is what it always was: what is in the log names it', () => {
  // 80 bits of the SHA-256 of `ep_1/evt_1`, worked out in Python.
  assert.equal(derivedId('wh', 0, 'ep_1/evt_1'), 'wh_0000000000XVMXHAB9FC896HA3');
});

test('an id of what an event is sorts by its time, then by where it stands, whatever time it says', () => {
  const at = (atMs: number, offset: number, partition = 0) => placedId('aud', atMs, { partition, offset });
  const sorted = [
    at(-1, 0),
    at(0, 1),
    at(5, 3),
    at(5, 2 ** 40),
    at(5, 2 ** 40, 1_023),
    at(6, 0),
    at(2 ** 52, 0),
  ];
  assert.deepEqual(sorted.toSorted(), sorted);
  assert.ok(sorted.every((id) => isId('aud', id)));
  assert.equal(new Set(sorted).size, sorted.length);
});

test('what has the form of an id, and what has not', () => {
  const ulid = '01KG9T9M00ABCDEFGHJKMNPQRS';
  assert.ok(isId('org', `org_${ulid}`));
  assert.ok(isId('org', 'org_7ZZZZZZZZZZZZZZZZZZZZZZZZZ'));
  const wrong = [
    '',
    'org_',
    ulid,
    `prj_${ulid}`,
    `org_${ulid}X`,
    `org_${ulid.slice(1)}`,
    `org_${ulid.toLowerCase()}`,
    `org_${ulid.slice(0, -1)}I`,
    `org_${ulid.slice(0, -1)}U`,
    `org_8${ulid.slice(1)}`,
    `org_${ulid}\n`,
    ` org_${ulid}`,
    `org-${ulid}`,
  ];
  for (const text of wrong) assert.equal(isId('org', text), false, JSON.stringify(text));
});
