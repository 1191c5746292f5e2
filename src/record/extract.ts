// From a payload to the facts of a log. Pure: the same payload and time of receipt give the same facts.
//
// Any JSON object becomes a log: what is understood goes to its place, within bounds (bounds.ts), all the rest
// to `extra`. What an error tells of itself depends on the format of the payload (formats/); what stands
// beside it (level, time, tags, …) is looked for under the names that all of them use.

import type { LogRecorded } from '../events.ts';
import { isObject, type JsonObject } from '../json.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { readPlain } from './formats/plain.ts';
import { isSentry, readSentry } from './formats/sentry.ts';
import { brief, jsonText, parsePayload } from './json.ts';
import { asLevel } from './level.ts';
import { asGrouping, asMessage, asName, asTags, asUser } from './readers.ts';
import type { Frame } from './stack.ts';
import { timestampReader } from './timestamp.ts';

/** What a payload says of a log. */
export type LogContent = Pick<
  LogRecorded,
  | 'message'
  | 'level'
  | 'errorType'
  | 'stack'
  | 'environment'
  | 'release'
  | 'occurredAtMs'
  | 'tags'
  | 'user'
  | 'extra'
>;

/** A log's content, and what else its fingerprint is made from. */
export interface ExtractedLog {
  content: LogContent;
  /** By what the sender wants to have it grouped. */
  grouping: string[] | undefined;
  /** Newest first, where the payload has them in parts. */
  frames: Frame[] | undefined;
}

/** Where winston puts what was logged with a message. */
const METADATA = ['metadata', 'meta'];
const LEVEL = ['level', 'severity', 'levelname', 'log.level'];
const TIME = ['timestamp', 'time', 'ts', 'occurredAt', '@timestamp'];

/** Reads the payload of a log. Throws Unrecordable for what is not a JSON object, or too large. */
export function extractLog(body: Buffer, receivedAtMs: number): ExtractedLog {
  const payload = parsePayload(body);
  const fields = fieldsOf(payload, METADATA);
  const told = isSentry(payload) ? readSentry(payload, fields) : readPlain(fields);
  const content: LogContent = {
    message: told.message ?? asMessage(brief(payload)) ?? 'unreadable payload',
    // Whoever posts to an error tracker without a level means an error.
    level: fields.take(LEVEL, asLevel) ?? 'error',
    errorType: told.errorType ?? null,
    stack: told.stack ?? null,
    environment: fields.take(['environment', 'env'], asName) ?? null,
    release: fields.take(['release', 'version'], asName) ?? null,
    occurredAtMs: fields.take(TIME, timestampReader(receivedAtMs)) ?? receivedAtMs,
    tags: fields.takePart(['tags'], asTags) ?? {},
    user: fields.take(['user'], asUser) ?? null,
    // Comes last: it is what all the others have not taken.
    extra: jsonText(extraOf(fields)),
  };
  // The sender's grouping is not taken: of it only a hash is stored.
  return { content, grouping: asGrouping(payload.fingerprint), frames: told.frames };
}

/** What is left of a payload. What is in its own `extra` comes up to the rest of it, unless a name is taken. */
function extraOf(fields: Fields): JsonObject {
  const rest = fields.rest();
  if (rest.extra === undefined) return rest;
  const { extra, ...others } = rest;
  const canComeUp = isObject(extra) && Object.keys(extra).every((name) => !Object.hasOwn(others, name));
  return canComeUp ? { ...others, ...extra } : { ...others, extra };
}
