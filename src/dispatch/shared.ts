// What lanes have in common, so that a quiet one costs little: most of their maps are empty, and their endpoints
// have much the same settings. Of 100,000 quiet lanes that took two fifths of the memory.

const EMPTY: ReadonlyMap<never, never> = new Map<never, never>();

/** A map without entries, which all share. It is changed by put() and drop() alone. */
export function noEntries<K, V>(): ReadonlyMap<K, V> {
  return EMPTY;
}

/** `map` with one more entry; what it was must not be used any more. */
export function put<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  const own = map === EMPTY ? new Map<K, V>() : (map as Map<K, V>);
  return own.set(key, value);
}

/** `map` without an entry, if it has it; what it was must not be used any more. */
export function drop<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  if (!map.has(key)) return map;
  const own = map as Map<K, V>;
  own.delete(key);
  return own.size === 0 ? EMPTY : own;
}

/** Settings that are shared; those that are like none of them stay as they are. */
const MAX_SHARED = 1_000;
const known = new Map<string, Setting>();
type Setting = string | string[] | number[];

/** The same setting, as it was seen before: decoding makes another text and list each time. A list may not be changed. */
export function shared<T extends Setting>(setting: T): T {
  const text = JSON.stringify(setting);
  const found = known.get(text);
  if (found !== undefined) return found as T;
  if (known.size < MAX_SHARED) known.set(text, Object.freeze(setting) as T);
  return setting;
}
