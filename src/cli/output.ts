// What commands print: lines for people (tables: table.ts), one JSON document for scripts (--json). Results go to stdout,
// everything else (notes, errors, progress) to stderr, so that output can be piped.

import { styleText } from 'node:util';
import { toCsv } from './csv.ts';

/** A row of a list, or one thing that is shown: field → value, as the API has it. */
export type Row = Record<string, unknown>;

/** Writes a line to stdout. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to stderr: what is not the result. Where that cannot be written there is nowhere left to say so. */
export function note(line: string): void {
  // Not before: a pipe that Node has as a stream makes whoever else writes there try again when it is full.
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  process.stderr.write(`${line}\n`);
}

/** Writes one JSON document to stdout, or, for `tail`, one object a line. */
export function printJson(value: unknown, { line = false } = {}): void {
  print(line ? JSON.stringify(value) : JSON.stringify(value, null, 2));
}

/** Writes rows as CSV to stdout. See csv.ts. */
export function printCsv(rows: readonly object[], columns: readonly string[]): void {
  process.stdout.write(toCsv(rows, columns));
}

/** The fields of one thing, a line each; what is null or absent is left out. */
export function printFields(thing: object): void {
  const entries = Object.entries(thing).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...entries.map(([field]) => field.length));
  for (const [field, value] of entries)
    print(`${styleText('bold', field.padEnd(width))}  ${paint(field, value)}`);
}

/** Tells people, on stderr, the commands with which to go on; empty ones are none. */
export function goOn(commands: readonly string[]): void {
  for (const command of commands.filter((text) => text !== '')) note(`→ hooklane ${command}`);
}

const STATUS_COLOURS = {
  processed: 'green',
  active: 'green',
  pending: 'yellow',
  omitted: 'gray',
  disabled: 'gray',
  error: 'red',
  fatal: 'red',
  warning: 'yellow',
} as const;

/** A value as text, coloured where the column is one that people look for. */
export function paint(column: string, value: unknown): string {
  const text = readable(value);
  if (column !== 'status' && column !== 'level') return text;
  const colour = Object.entries(STATUS_COLOURS).find(([status]) => status === text)?.[1];
  return colour === undefined ? text : styleText(colour, text);
}

/** A value on one line or a few, harmless to a terminal. */
export function readable(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value) && value.every((entry) => typeof entry !== 'object'))
    return harmless(value.join(','));
  if (typeof value !== 'object') return harmless(String(value));
  const entries = Object.entries(value);
  const flat =
    entries.length > 0 && entries.every(([, entry]) => typeof entry !== 'object' || entry === null);
  if (!flat) return harmless(JSON.stringify(value));
  return harmless(entries.map(([name, entry]) => `${name}=${entry ?? 'none'}`).join(' '));
}

/** Text from outside without what a terminal would obey: control characters, escape sequences. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** The same on one line. */
export function harmlessLine(text: string): string {
  return harmless(text).replaceAll(/\s+/g, ' ');
}
