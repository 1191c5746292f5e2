// How a command says no: one line on stderr for each thing that is wrong, and the exit code. What was given is
// called by the name under which it was given: the option, not the field of the API.

import { type Command, CommanderError } from 'commander';
import { InvalidInput } from '../command/input.ts';
import { InvalidConfig } from '../config.ts';
import { isExpected } from '../expected.ts';
import { InvalidQuery } from '../query/errors.ts';
import { SERVER_OPTIONS } from './options.ts';

export interface Complaint {
  lines: string[];
  /** 1: it failed, 2: it was used wrongly. */
  exitCode: 1 | 2;
}

/** Fields that an option sets under another name. */
const OPTION_OF: Readonly<Record<string, string>> = { kind: 'event', origins: 'origin' };

/** What to say of an error that `command` has thrown; undefined: it is a bug. */
export function complaintOf(error: unknown, command: Command | undefined): Complaint | undefined {
  if (error instanceof CommanderError) return { lines: [], exitCode: 2 };
  if (error instanceof InvalidConfig) {
    // Else it is a file that is wrong, and the command was used rightly.
    const given = error.problems.every(({ name }) => /^(--[a-z-]+|[A-Z_]+)$/.test(name));
    return { lines: error.message.split('\n'), exitCode: given ? 2 : 1 };
  }
  if (error instanceof InvalidInput) {
    const lines = error.errors.map(({ field, message }) => fieldLine(command, field, message));
    return { lines: [...new Set(lines)], exitCode: 2 };
  }
  if (error instanceof InvalidQuery) {
    const { field, message } = error;
    return { lines: [fieldLine(command, field, message.slice(`${field}: `.length))], exitCode: 2 };
  }
  return isExpected(error) ? { lines: [withHint(error.message)], exitCode: 1 } : undefined;
}

/** SQLite says no more where even what it opens beside a database has no room. */
function withHint(message: string): string {
  return message.replace(/\bdisk I\/O error\b/, '$& (is the disk full?)');
}

/** A field that is wrong, as commander would say it of an option. */
function fieldLine(command: Command | undefined, field: string, message: string): string {
  const [last = ''] = field
    .split('.')
    .filter((part) => !/^\d+$/.test(part))
    .slice(-1);
  const name = OPTION_OF[last] ?? last;
  const option = command?.options.find(
    (candidate) => candidate.attributeName() === name && candidate.description !== SERVER_OPTIONS.url,
  );
  if (option === undefined) return `${field}: ${message}`;
  const value = command?.opts()[name];
  return `option '${option.flags}' argument '${value}' is invalid. ${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
