// A number for each of many ids, in 24 bytes a place: to say "exactly once" of a long log, all its ids must be
// remembered, and a Map of texts takes several times as much. Pure.

import { createHash } from 'node:crypto';

/** The 128 bits of an id. */
export type IdKey = readonly [number, number, number, number];

/** The bits of the ULID behind the prefix; of what is none, as many bits of its SHA-256. */
export function keyOf(id: string): IdKey {
  const start = id.indexOf('_') + 1;
  if (id.length - start !== ULID_LENGTH) return hashOf(id);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let at = start; at < id.length; at++) {
    const digit = DIGITS[id.charCodeAt(at)] ?? NO_DIGIT;
    if (digit === NO_DIGIT) return hashOf(id);
    // 5 bits a digit: what falls out of a word on the left comes into the one before.
    a = (a << 5) | (b >>> 27);
    b = (b << 5) | (c >>> 27);
    c = (c << 5) | (d >>> 27);
    d = (d << 5) | digit;
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
}

/** The key of two things together. They do not change places: a pair is not the same the other way round. */
export function keyOfPair(one: IdKey, other: IdKey): IdKey {
  const [a, b, c, d] = one;
  const [e, f, g, h] = other;
  return [(a ^ f) >>> 0, (b ^ g) >>> 0, (c ^ h) >>> 0, (d ^ e) >>> 0];
}

const ULID_LENGTH = 26;
const NO_DIGIT = 255;
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (const [value, digit] of [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'].entries())
  DIGITS[digit.charCodeAt(0)] = value;

function hashOf(id: string): IdKey {
  const hash = createHash('sha256').update(id).digest();
  return [hash.readUInt32BE(0), hash.readUInt32BE(4), hash.readUInt32BE(8), hash.readUInt32BE(12)];
}

/** Which of so many portions of all ids this one belongs to, from 0. */
export function portionOf([a, b, c, d]: IdKey, portions: number): number {
  return portions === 1 ? 0 : mix(a ^ b ^ c ^ d) % portions;
}

/** Spreads 32 bits: murmur3's finalizer, as the ids of a process grow by one within a millisecond. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export interface IdTable {
  /** The number that was set last; undefined: none was. */
  get(key: IdKey): number | undefined;
  /** `value` is a number, and not NaN. */
  set(key: IdKey, value: number): void;
  /** How many ids have a number. */
  readonly size: number;
}

const FIRST_PLACES = 1_024;
/** It grows twofold when more than this part of it is taken. */
const MOST_TAKEN = 0.7;

/** An empty table. Open addressing with linear probing; a place is empty where its number is NaN. */
export function createIdTable(): IdTable {
  let places = FIRST_PLACES;
  let keys = new Uint32Array(4 * places);
  let values = new Float64Array(places).fill(Number.NaN);
  let size = 0;

  /** Where a key stands, or would. */
  function placeOf([a, b, c, d]: IdKey): number {
    let place = mix(Math.imul(a, 31) ^ b ^ Math.imul(c, 17) ^ d) & (places - 1);
    for (; !Number.isNaN(values[place]); place = (place + 1) & (places - 1)) {
      const at = 4 * place;
      if (keys[at + 3] === d && keys[at + 2] === c && keys[at + 1] === b && keys[at] === a) return place;
    }
    return place;
  }

  function put(key: IdKey, value: number): void {
    const place = placeOf(key);
    if (Number.isNaN(values[place])) {
      keys.set(key, 4 * place);
      size++;
    }
    values[place] = value;
  }

  function grow(): void {
    const [oldKeys, oldValues] = [keys, values];
    places *= 2;
    keys = new Uint32Array(4 * places);
    values = new Float64Array(places).fill(Number.NaN);
    size = 0;
    for (const [place, value] of oldValues.entries()) {
      if (Number.isNaN(value)) continue;
      const [a = 0, b = 0, c = 0, d = 0] = oldKeys.subarray(4 * place, 4 * place + 4);
      put([a, b, c, d], value);
    }
  }

  return {
    get(key) {
      const value = values[placeOf(key)];
      return value === undefined || Number.isNaN(value) ? undefined : value;
    },
    set(key, value) {
      if (size >= MOST_TAKEN * places) grow();
      put(key, value);
    },
    get size() {
      return size;
    },
  };
}
