// What the values of common fields mean: text, stacks, users, tags. Each reader gives undefined for what it does
// not understand, and the value then stays in `extra`.

import { isObject } from '../json.ts';
import {
  MAX_MESSAGE_LENGTH,
  MAX_NAME_LENGTH,
  MAX_STACK_LENGTH,
  MAX_TAG_KEY_LENGTH,
  MAX_TAG_VALUE_LENGTH,
  MAX_TAGS,
} from './bounds.ts';
import type { Part } from './fields.ts';
import { jsonText } from './json.ts';
import { clean } from './text.ts';

/** Text that is not blank, or a number or truth value as text. */
function textOf(value: unknown, maxLength: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return clean(value, maxLength) || undefined;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}

export function asMessage(value: unknown): string | undefined {
  return textOf(value, MAX_MESSAGE_LENGTH);
}

/** A short name: of an environment, a release, a type of error. */
export function asName(value: unknown): string | undefined {
  return textOf(value, MAX_NAME_LENGTH);
}

/** A name that only a type of error has (`TypeError`), for fields that may well hold something else. */
export function asErrorName(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.$:\\]{0,240}(?:Error|Exception)$/.test(value) ? value : undefined;
}

/** A stack as text, or as a list of its lines. */
export function asStack(value: unknown): string | undefined {
  const isLines = Array.isArray(value) && value.every((line) => typeof line === 'string');
  const text = isLines ? value.join('\n') : value;
  return typeof text === 'string' ? clean(text, MAX_STACK_LENGTH) || undefined : undefined;
}

/** A user as JSON object text; one who is only named becomes `{"id": …}`. */
export function asUser(value: unknown): string | undefined {
  if (isObject(value)) return jsonText(value);
  const id = asName(value);
  return id === undefined ? undefined : JSON.stringify({ id });
}

/** By what the sender wants to have it grouped: a text, or a list of them. */
export function asGrouping(value: unknown): string[] | undefined {
  const parts = (Array.isArray(value) ? value : [value]).map(asName);
  const isGrouping = parts.length > 0 && parts.every((part) => part !== undefined);
  return isGrouping ? parts : undefined;
}

/**
 * Tags: an object, or a list of pairs (`['browser', 'Firefox']`, `{key, value}`) or texts (`browser:Firefox`,
 * `slow`). What is no tag (an object as value, a second value, more than there may be) is left.
 */
export function asTags(value: unknown): Part<Record<string, string>> | undefined {
  const tags = new Map<string, string>();
  const isTag = ([key, of]: Pair): boolean => addTag(tags, key, of);
  if (Array.isArray(value)) {
    const left = value.filter((item) => !isTag(pairOf(item)));
    return { found: Object.fromEntries(tags), left: left.length === 0 ? undefined : left };
  }
  if (!isObject(value)) return undefined;
  const left = Object.entries(value).filter((pair) => !isTag(pair));
  return { found: Object.fromEntries(tags), left: left.length === 0 ? undefined : Object.fromEntries(left) };
}

type Pair = readonly [key: unknown, value: unknown];

function pairOf(item: unknown): Pair {
  if (Array.isArray(item) && item.length === 2) return [item[0], item[1]];
  if (isObject(item)) return [item.key, item.value];
  if (typeof item !== 'string') return [undefined, undefined];
  const [, key = item, value = 'true'] = /^([^:=]+)[:=](.+)$/s.exec(item) ?? [];
  return [key, value];
}

function addTag(tags: Map<string, string>, keyText: unknown, valueText: unknown): boolean {
  const key = textOf(keyText, MAX_TAG_KEY_LENGTH);
  const value = textOf(valueText, MAX_TAG_VALUE_LENGTH);
  if (key === undefined || value === undefined) return false;
  // As the key of a plain object, this one would be lost or worse where tags are decoded.
  if (key === '__proto__' || tags.has(key) || tags.size === MAX_TAGS) return false;
  tags.set(key, value);
  return true;
}
