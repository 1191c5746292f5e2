// Two results of npm run bench beside each other. Pure. Machines differ, so a row that has something bare beside it is
// compared by its ratio to that, any other by its value. Worse is what lies beyond what the runs themselves lie apart, or
// beyond a tenth where that is more.

import { type Better, betterBy, type Row, type Spread } from './rows.ts';

/** What is read of a file of results. Files before there were several runs have values alone. */
export interface Result {
  at: string;
  measures: readonly StoredRow[];
}

export type StoredRow = Pick<Row, 'name' | 'value' | 'unit'> &
  Partial<Omit<Row, 'name' | 'value' | 'unit' | 'beside'>> & {
    beside?: { name: string; value: number };
  };

/** A row of both, or of one of them. */
export interface Compared {
  name: string;
  by: 'ratio' | 'value';
  unit: string;
  before: number | undefined;
  after: number | undefined;
  /** Of `before`, more is positive; undefined: there is nothing to compare. */
  change: number | undefined;
  /** How much of `before` may be chance. */
  noise: number;
  verdict: 'worse' | 'better' | 'same' | 'new' | 'gone';
}

/** What may be chance in any case. */
export const LEAST_NOISE = 0.1;

/** All rows of either, those of `result` first. */
export function compare(baseline: Result, result: Result): Compared[] {
  const before = new Map(baseline.measures.map((row) => [row.name, row]));
  const after = new Set(result.measures.map(({ name }) => name));
  return [
    ...result.measures.map((row) => compareRow(before.get(row.name), row)),
    ...baseline.measures.filter(({ name }) => !after.has(name)).map((row) => compareRow(row, undefined)),
  ];
}

function compareRow(before: StoredRow | undefined, after: StoredRow | undefined): Compared {
  const row = after ?? before;
  if (row === undefined) throw new Error('there is no row');
  const hasRatios = [before, after].every((one) => one === undefined || one.beside !== undefined);
  const by = hasRatios ? 'ratio' : 'value';
  const figure = (one: StoredRow | undefined) => (one === undefined ? undefined : figureOf(one, by));
  const [was, is] = [figure(before), figure(after)];
  const about = { name: row.name, by, unit: row.unit, before: was?.value, after: is?.value } as const;
  if (was === undefined) return { ...about, change: undefined, noise: LEAST_NOISE, verdict: 'new' };
  if (is === undefined) return { ...about, change: undefined, noise: LEAST_NOISE, verdict: 'gone' };
  const change = changeOf(was.value, is.value);
  const noise = Math.max(LEAST_NOISE, apart(was) / 2 + apart(is) / 2);
  return { ...about, change, noise, verdict: verdictOf({ change, noise }, betterBy(row)) };
}

function figureOf(row: StoredRow, by: Compared['by']): Spread {
  if (by === 'value') return { value: row.value, min: row.min ?? row.value, max: row.max ?? row.value };
  if (row.ratio !== undefined) return row.ratio;
  const value = row.value / (row.beside?.value ?? Number.NaN);
  return { value, min: value, max: value };
}

/** How far runs lie apart, of their median. */
function apart({ value, min, max }: Spread): number {
  return value === 0 ? 0 : Math.abs((max - min) / value);
}

/** From nothing, anything is all there is more. */
function changeOf(before: number, after: number): number {
  if (before === after) return 0;
  return before === 0 ? Math.sign(after) * Number.POSITIVE_INFINITY : (after - before) / Math.abs(before);
}

function verdictOf(
  { change, noise }: { change: number; noise: number },
  better: Better,
): Compared['verdict'] {
  if (better === 'neither' || Math.abs(change) <= noise) return 'same';
  return change > 0 === (better === 'higher') ? 'better' : 'worse';
}
