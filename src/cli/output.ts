// What commands print: tables and lines for people, one JSON document for scripts (--json). Results go to stdout,
// everything else (notes, errors, progress) to stderr, so that output can be piped.

import { styleText } from 'node:util';
import Table from 'cli-table3';
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

/**
 * A table of `columns` (field names) of the rows; says `none` kindly when there are no rows. Where it is wider than
 * the terminal, columns whose name ends in `?` are left out, the last one first, and then long texts are cut; ids,
 * times and whatever is piped stay whole.
 */
export function printTable(rows: readonly object[], columns: readonly string[], none: string): void {
  if (rows.length === 0) {
    note(none);
    return;
  }
  const shown = fit(
    columns.map((column) => toColumn(column, rows as readonly Row[])),
    widthOfOutput(),
  );
  const table = new Table({
    head: shown.map(({ name }) => styleText('bold', labelOf(name))),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': SPACING, compact: true },
    chars: BORDERLESS,
  });
  for (const i of rows.keys()) {
    table.push(shown.map(({ name, texts, width }) => paint(name, cut(texts[i] ?? '', width))));
  }
  print(table.toString().replaceAll(/ +$/gm, ''));
}

interface Column {
  name: string;
  optional: boolean;
  texts: string[];
  width: number;
}

/** Columns of free text, which may be cut, and what is left of them at least. */
const FREE_TEXTS = ['message', 'url', 'events', 'error', 'detail', 'responseBody', 'name', 'type', 'origins'];
const LEAST_WIDTH = 16;
/** Between two columns. */
const SPACING = 2;

/** Fields whose names are much longer than what stands below them. */
const LABELS: Readonly<Record<string, string>> = {
  responseCode: 'code',
  attemptCount: 'attempts',
  durationMs: 'ms',
};

function labelOf(name: string): string {
  return LABELS[name] ?? name;
}

function toColumn(column: string, rows: readonly Row[]): Column {
  const name = column.replace(/\?$/, '');
  const texts = rows.map((row) => readable(row[name]).replaceAll(/\s+/g, ' '));
  const width = Math.max(labelOf(name).length, ...texts.map((text) => text.length));
  return { name, optional: column.endsWith('?'), texts, width };
}

/** The columns that have room in `width`, and how wide each is. */
function fit(columns: readonly Column[], width: number): Column[] {
  const shown = [...columns];
  const excess = () => shown.reduce((sum, column) => sum + column.width + SPACING, -SPACING) - width;
  for (let i = shown.findLastIndex(({ optional }) => optional); i !== -1 && excess() > 0; ) {
    shown.splice(i, 1);
    i = shown.findLastIndex(({ optional }) => optional);
  }
  for (const [i, column] of shown.entries()) {
    if (!FREE_TEXTS.includes(column.name) || excess() <= 0) continue;
    const least = Math.max(LEAST_WIDTH, labelOf(column.name).length);
    shown[i] = { ...column, width: Math.min(column.width, Math.max(least, column.width - excess())) };
  }
  return shown;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Of the terminal, or what COLUMNS says; no bound where it is piped. */
function widthOfOutput(): number {
  return Number(process.env.COLUMNS) || process.stdout.columns || Number.POSITIVE_INFINITY;
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
