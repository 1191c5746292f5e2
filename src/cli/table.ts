// Tables for people. Apart from the rest of the output, as a server prints none and need not load what they are made with.

import { styleText } from 'node:util';
import Table from 'cli-table3';
import { note, paint, print, type Row, readable } from './output.ts';

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

const BORDERLESS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((part) => [part, '']),
);
