// What a patch makes of a document, and documents as text. Pure. Null and absent are the same, and a document holds
// no null: so equal documents have equal texts.

import type { Fields, Patch, Value } from './views.ts';

/**
 * Changes `fields` as the patch says: set first, then setOnce, max, min, put and count. What the patch holds is shared with
 * the document, never changed. Whether the patch has been applied before is for the engine to know.
 */
export function applyPatch(fields: Fields, patch: Omit<Patch, 'view' | 'id' | 'cause'>): void {
  const { set, setOnce, max, min, put, count } = patch;
  // Not by their entries: these made a tenth of all garbage of the read models.
  for (const field in set) assign(fields, field, set[field]);
  for (const field in setOnce) if (isNull(fields[field])) assign(fields, field, setOnce[field]);
  for (const field in max) {
    const value = max[field] as number | string;
    const has = fields[field];
    if (isNull(has) || (has as typeof value) < value) fields[field] = value;
  }
  for (const field in min) {
    const value = min[field] as number | string;
    const has = fields[field];
    if (isNull(has) || (has as typeof value) > value) fields[field] = value;
  }
  for (const field in put) {
    fields[field] = { ...(fields[field] as Fields | undefined), ...put[field] };
  }
  for (const field in count) {
    const once = count[field] ?? null;
    if (once !== null) {
      const before = (fields[once.seen] ?? {}) as Record<string, number>;
      if (once.upTo <= (before[once.key] ?? Number.NEGATIVE_INFINITY)) continue;
      fields[once.seen] = { ...before, [once.key]: once.upTo };
    }
    fields[field] = Number(fields[field] ?? 0) + 1;
  }
}

/** About how many bytes what a patch adds to a document takes as text, and a little for the document. */
export function sizeOf({ set, setOnce, max, min, put }: Omit<Patch, 'view' | 'id' | 'cause'>): number {
  let sum = PATCH_BYTES;
  for (const part of [set, setOnce, max, min, put]) if (part !== undefined) sum += valueSize(part);
  return sum;
}

const PATCH_BYTES = 100;
const FIELD_BYTES = 20;

function valueSize(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (value === null || typeof value !== 'object') return 0;
  let sum = 0;
  // Not by their keys: that takes several times as long.
  for (const one of Object.values(value)) sum += FIELD_BYTES + valueSize(one);
  return sum;
}

/** Whether a document has nothing there. */
export function isNull(value: Value | undefined): value is null | undefined {
  return value === null || value === undefined;
}

function assign(fields: Fields, field: string, value: Value | undefined): void {
  if (!isNull(value)) fields[field] = value;
  // A field that is deleted makes the object slower, whether it was there or not.
  else if (field in fields) delete fields[field];
}

/**
 * Fields as JSON with the keys of every object in one order, and without fields that are null: two documents are
 * equal if their texts are. Inside a field a null says something, and stays.
 */
export function canonicalJson(fields: Fields): string {
  const ordered = inOrder(fields);
  for (const field of Object.keys(ordered)) if (isNull(ordered[field])) delete ordered[field];
  return JSON.stringify(ordered);
}

/** A copy whose keys come in order. Without a prototype, so that `__proto__`, which a sender may name, is a key. */
function inOrder(fields: Fields): Fields {
  const ordered: Fields = Object.create(null);
  for (const key of Object.keys(fields).sort()) ordered[key] = valueInOrder(fields[key] ?? null);
  return ordered;
}

function valueInOrder(value: Value): Value {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(valueInOrder);
  // TypeScript does not see that it is no list: Array.isArray() says nothing of readonly ones.
  return inOrder(value as Fields);
}
