// Whether an answer is one of Hooklane's: anything may listen at a URL, and answer everything with 200. Only what a command
// relies on is looked at, as fields may be added. Pure.

import { isObject } from '../json.ts';

const KINDS = {
  text: (value: unknown) => typeof value === 'string',
  'text or null': (value: unknown) => typeof value === 'string' || value === null,
  number: (value: unknown) => typeof value === 'number',
  boolean: (value: unknown) => typeof value === 'boolean',
  object: isObject,
  list: Array.isArray,
  objects: (value: unknown) => Array.isArray(value) && value.every(isObject),
} as const satisfies Record<string, (value: unknown) => boolean>;

/** Fields that an answer must have, and of which kind each is. */
export type Shape<T> = { readonly [Field in keyof T]?: keyof typeof KINDS };

export function hasShape<T extends object>(value: unknown, shape: Shape<T>): value is T {
  if (!isObject(value)) return false;
  return Object.entries<keyof typeof KINDS | undefined>(shape).every(
    ([field, kind]) => kind === undefined || KINDS[kind](value[field]),
  );
}
