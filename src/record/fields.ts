// Reading an object field by field, remembering what was taken: what is not understood is not taken, and so
// nothing of a payload is lost, rest() has it.

import { isObject, type JsonObject } from '../json.ts';

/** What a value means; undefined: it means nothing to this reader. */
export type Read<T> = (value: unknown) => T | undefined;

/** What was found in a value, and what is left of it, if anything. */
export interface Part<T> {
  found: T;
  left: unknown;
}

export interface Fields {
  /** What `read` makes of the first of these fields that it understands; that field is taken. */
  take<T>(names: readonly string[], read: Read<T>): T | undefined;
  /** The same, for a field that is not taken whole: what is left stays in its place. */
  takePart<T>(names: readonly string[], read: Read<Part<T>>): T | undefined;
  /** The fields of the first of these fields that is an object; what is not taken of them stays in it. */
  within(names: readonly string[]): Fields | undefined;
  /** What was not taken. */
  rest(): JsonObject;
}

/** The fields of `object`, and behind them those of its fields `alsoIn`, where they are objects. */
export function fieldsOf(object: JsonObject, alsoIn: readonly string[] = []): Fields {
  /** What is left of the fields from which something was taken. */
  const left = new Map<string, () => unknown>();

  function takePart<T>(names: readonly string[], read: Read<Part<T>>): T | undefined {
    for (const name of names) {
      const value = object[name];
      if (value === undefined || value === null || left.has(name)) continue;
      const part = read(value);
      if (part === undefined) continue;
      left.set(name, () => part.left);
      return part.found;
    }
    return undefined;
  }

  function within(names: readonly string[]): Fields | undefined {
    for (const name of names) {
      const value = object[name];
      if (!isObject(value) || left.has(name)) continue;
      const fields = fieldsOf(value);
      left.set(name, () => unlessEmpty(fields.rest()));
      return fields;
    }
    return undefined;
  }

  const behind = alsoIn.flatMap((name) => within([name]) ?? []);

  return {
    take: (names, read) => {
      const whole = wholly(read);
      return takePart(names, whole) ?? first(behind, (fields) => fields.takePart(names, whole));
    },
    takePart: (names, read) =>
      takePart(names, read) ?? first(behind, (fields) => fields.takePart(names, read)),
    within: (names) => within(names) ?? first(behind, (fields) => fields.within(names)),
    rest() {
      if (left.size === 0) return object;
      const entries: [string, unknown][] = [];
      for (const name of Object.keys(object)) {
        const leftOf = left.get(name);
        const value = leftOf === undefined ? object[name] : leftOf();
        if (value !== undefined) entries.push([name, value]);
      }
      return Object.fromEntries(entries);
    },
  };
}

function wholly<T>(read: Read<T>): Read<Part<T>> {
  return (value) => {
    const found = read(value);
    return found === undefined ? undefined : { found, left: undefined };
  };
}

function first<T>(all: readonly Fields[], ask: (fields: Fields) => T | undefined): T | undefined {
  for (const fields of all) {
    const answer = ask(fields);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function unlessEmpty(object: JsonObject): JsonObject | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
