// Plain `{message, level, …}`, and what loggers make of it: pino (`msg`, `err: {type, message, stack}`), winston
// (`stack` beside the message), errors turned to JSON (`name`, `message`, `stack`).

import type { Fields } from '../fields.ts';
import { asErrorName, asMessage, asName, asStack } from '../readers.ts';
import { parseHeading } from '../stack.ts';
import type { Told } from './format.ts';

const MESSAGE = ['message', 'msg'];
const ERROR = ['error', 'err', 'exception'];
const ERROR_MESSAGE = ['message', 'msg', 'value'];
const STACK = ['stack', 'stacktrace', 'stackTrace', 'stack_trace', 'backtrace', 'traceback'];
/** What stands for a message where there is none. */
const TITLE = ['title', 'text', 'description', 'reason', 'summary'];

/** What a payload of loggers tells. */
export function readPlain(fields: Fields): Told {
  const error = fields.within(ERROR);
  const stack =
    error?.take(STACK, asStack) ?? fields.take(STACK, asStack) ?? fields.take(ERROR, asLinesOfStack);
  const heading = stack === undefined ? undefined : parseHeading(stack);
  const errorType =
    error?.take(['name', 'type', 'class'], asName) ??
    fields.take(['errorType', 'error_type', 'exceptionType'], asName) ??
    fields.take(['name', 'type'], asErrorName) ??
    heading?.type;
  const message =
    fields.take(MESSAGE, asMessage) ??
    fields.within(MESSAGE)?.take(MESSAGE, asMessage) ??
    error?.take(ERROR_MESSAGE, asMessage) ??
    fields.take(ERROR, asText) ??
    asMessage(heading?.message) ??
    fields.take(TITLE, asText) ??
    asMessage(stack?.split('\n', 1)[0]) ??
    errorType;
  // Most loggers repeat the error's message: only another one is worth keeping.
  error?.take(ERROR_MESSAGE, (value) => (asMessage(value) === message ? message : undefined));
  return { message, errorType, stack, frames: undefined };
}

/** A message that is not a number or truth value: `error: true` says nothing. */
function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? asMessage(value) : undefined;
}

/** A text of several lines in place of an error is its stack. */
function asLinesOfStack(value: unknown): string | undefined {
  return typeof value === 'string' && value.includes('\n') ? asStack(value) : undefined;
}
