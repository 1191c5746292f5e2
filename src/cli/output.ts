// What commands print: tables and lines for people, one JSON document for scripts (--json). Results go to stdout,
// everything else (notes, errors, progress) to stderr, so that output can be piped.

import { styleText } from 'node:util';
import Table from 'cli-table3';

/** A row of a list, or one thing that is shown: field → value, as the API has it. */
export type Row = Record<string, unknown>;

/** Writes a line to stdout. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to stderr: what is not the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes one JSON document to stdout, or, for `tail`, one object a line. */
export function printJson(value: unknown, { line = false } = {}): void {
  print(line ? JSON.stringify(value) : JSON.stringify(value, null, 2));
}

/** A table of `columns` (field names) of the rows; says `none` kindly when there are no rows. */
export function printTable(rows: readonly object[], columns: readonly string[], none: string): void {
  if (rows.length === 0) {
    note(none);
    return;
  }
  const table = new Table({
    head: columns.map((column) => styleText('bold', column)),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
    chars: BORDERLESS,
  });
  for (const row of rows) table.push(columns.map((column) => paint(column, (row as Row)[column])));
  print(table.toString().replaceAll(/ +$/gm, ''));
}

/** The fields of one thing, a line each; what is null or absent is left out. */
export function printFields(thing: object): void {
  const entries = Object.entries(thing).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...entries.map(([field]) => field.length));
  for (const [field, value] of entries)
    print(`${styleText('bold', field.padEnd(width))}  ${paint(field, value)}`);
}

const BORDERLESS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((part) => [part, '']),
);

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

function readable(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value) && value.every((entry) => typeof entry !== 'object')) return value.join(',');
  return harmless(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** Text from outside without what a terminal would obey: control characters, escape sequences. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
