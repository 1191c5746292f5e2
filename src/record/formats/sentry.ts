// Sentry's event payloads: https://develop.sentry.dev/sdk/data-model/event-payloads/
//
// The stack becomes text that people can read, newest frame first. `exception` also stays in `extra` as it is,
// for what the text does not show: variables, source lines, mechanisms.

import { isObject, type JsonObject } from '../../json.ts';
import { MAX_EXCEPTIONS, MAX_FRAMES, MAX_STACK_LENGTH } from '../bounds.ts';
import type { Fields } from '../fields.ts';
import { asMessage, asName } from '../readers.ts';
import { type Frame, isInApp, renderFrame } from '../stack.ts';
import { cut } from '../text.ts';
import type { Told } from './format.ts';

/** Whether a payload is a Sentry event. */
export function isSentry(payload: JsonObject): boolean {
  const { exception, logentry, event_id, platform, sdk } = payload;
  if (isObject(exception) && Array.isArray(exception.values)) return true;
  return (
    isObject(logentry) || (typeof event_id === 'string' && (typeof platform === 'string' || isObject(sdk)))
  );
}

interface Thrown {
  type: string | undefined;
  value: string | undefined;
  /** Newest first. */
  frames: Frame[];
}

/** What a Sentry event tells. */
export function readSentry(payload: JsonObject, fields: Fields): Told {
  const chain = chainOf(payload);
  const [thrown] = chain;
  const message =
    thrown?.value ??
    fields.take(['message'], asMessage) ??
    messageIn(payload.message) ??
    messageIn(payload.logentry) ??
    thrown?.type ??
    asMessage(payload.transaction) ??
    asMessage(payload.culprit);
  return { message, errorType: thrown?.type, stack: renderChain(chain), frames: thrown?.frames };
}

/** What was thrown, newest first: Sentry puts causes before what they caused. A message may have a stack alone. */
function chainOf({ exception, stacktrace }: JsonObject): Thrown[] {
  const values = isObject(exception) ? exception.values : exception;
  const thrown = Array.isArray(values) ? values.slice(-MAX_EXCEPTIONS).reverse() : [{ stacktrace }];
  return thrown.filter(isObject).map(({ type, value, stacktrace }) => ({
    type: asName(type),
    value: asMessage(value),
    frames: framesOf(stacktrace),
  }));
}

function framesOf(stacktrace: unknown): Frame[] {
  const frames = isObject(stacktrace) ? stacktrace.frames : undefined;
  return Array.isArray(frames) ? frames.slice(-MAX_FRAMES).reverse().filter(isObject).map(frameOf) : [];
}

function frameOf(frame: JsonObject): Frame {
  const name = asName(frame.function);
  const file = asName(frame.filename) ?? asName(frame.abs_path) ?? asName(frame.module);
  const { lineno, colno, in_app } = frame;
  return {
    function: name,
    file,
    line: typeof lineno === 'number' ? lineno : undefined,
    column: typeof colno === 'number' ? colno : undefined,
    inApp: typeof in_app === 'boolean' ? in_app : isInApp(name, file),
  };
}

/** `logentry`, and `message` in old events: the message with its parameters put in, else without. */
function messageIn(entry: unknown): string | undefined {
  return isObject(entry) ? (asMessage(entry.formatted) ?? asMessage(entry.message)) : undefined;
}

function renderChain(chain: readonly Thrown[]): string | undefined {
  if (chain.every(({ frames }) => frames.length === 0)) return undefined;
  return cut(chain.map(render).join('\nCaused by: '), MAX_STACK_LENGTH);
}

function render({ type, value, frames }: Thrown): string {
  const heading = [type, value].filter((part) => part !== undefined).join(': ');
  return [heading, ...frames.map((frame) => `    ${renderFrame(frame)}`)].join('\n').trimStart();
}
