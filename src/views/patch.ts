// What a patch makes of a document. Pure. Null and absent are the same, and are stored as absent.

import type { Fields, Patch, Value } from './views.ts';

/** Changes `fields` as the patch says. Whether it has been applied before is for the engine to know. */
export function applyPatch(fields: Fields, patch: Omit<Patch, 'view' | 'id' | 'cause'>): void {
  const { set, setOnce, max, min, put } = patch;
  for (const [field, value] of entries(set)) assign(fields, field, value);
  for (const [field, value] of entries(setOnce)) if (isNull(fields[field])) assign(fields, field, value);
  for (const [field, value] of entries(max)) {
    const has = fields[field];
    if (isNull(has) || (has as typeof value) < value) fields[field] = value;
  }
  for (const [field, value] of entries(min)) {
    const has = fields[field];
    if (isNull(has) || (has as typeof value) > value) fields[field] = value;
  }
  for (const [field, added] of entries(put)) {
    fields[field] = { ...(fields[field] as Fields | undefined), ...added };
  }
}

function entries<T>(changes: Record<string, T> | undefined): [string, T][] {
  return changes === undefined ? [] : Object.entries(changes);
}

function isNull(value: Value | undefined): value is null | undefined {
  return value === null || value === undefined;
}

function assign(fields: Fields, field: string, value: Value): void {
  if (value === null) delete fields[field];
  else fields[field] = value;
}

/** JSON with the keys of every object in order: equal documents have equal texts. */
export function canonicalJson(value: Value): string {
  return JSON.stringify(value, (_key, part: Value) =>
    part === null || typeof part !== 'object' || Array.isArray(part)
      ? part
      : Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}
