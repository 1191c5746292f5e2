// Rows of results: what several runs of a measure came to. Pure. A row has a value, and where it can be the figure of
// something bare beside it, of the same run: their ratio is what can be compared between machines.

/** One figure of one run, and the one that it stands beside. */
export interface Measure {
  name: string;
  value: number;
  unit: string;
  beside?: { name: string; value: number };
  /** What is aimed at, for the ratio where there is one, else for the value. */
  aim?: Aim;
  /** Which is better; default: by the unit. */
  better?: Better;
}

/** `inEachRun`: it is the worst of them that is judged, not the median. */
export type Aim = { least: number } | { most: number; inEachRun?: true };
export type Better = 'higher' | 'lower' | 'neither';

/** The middle of several runs, and how far they lie apart. */
export interface Spread {
  value: number;
  min: number;
  max: number;
}

/** One figure of several runs. `value` and `beside.value` are medians. */
export interface Row extends Spread {
  name: string;
  unit: string;
  beside?: { name: string } & Spread;
  /** Of the value to what stands beside it, in each run. */
  ratio?: Spread;
  aim?: Aim;
  better?: Better;
  /** Of how many runs. */
  runs: number;
}

/** As it is kept: of which measure, and when that was made. */
export interface KeptRow extends Row {
  measure: string;
  at: string;
}

/**
 * What is kept when `made` are made anew: they take the place of all rows of their measures. In the order of `measures`; what is of
 * none of these goes.
 */
export function mergedRows(
  kept: readonly Partial<KeptRow>[],
  made: readonly KeptRow[],
  measures: readonly string[],
): KeptRow[] {
  const anew = new Set(made.map(({ measure }) => measure));
  const stays = kept.filter((row): row is KeptRow => row.measure !== undefined && !anew.has(row.measure));
  return measures.flatMap((name) => [...stays, ...made].filter(({ measure }) => measure === name));
}

/** What came of some runs, by the names of rows, in the order in which they first came. */
export function rowsOf(runs: readonly (readonly Measure[])[]): Row[] {
  const byName = Map.groupBy(runs.flat(), ({ name }) => name);
  return [...byName].map(([name, measures]) => {
    const [first] = measures;
    const besides = measures.flatMap(({ beside }) => beside ?? []);
    const ratios = measures.flatMap(({ value, beside }) => (beside ? [value / beside.value] : []));
    return {
      name,
      ...spreadOf(measures.map(({ value }) => value)),
      unit: first?.unit ?? '',
      ...(besides.length === 0
        ? {}
        : {
            beside: { name: besides[0]?.name ?? '', ...spreadOf(besides.map(({ value }) => value)) },
            ratio: spreadOf(ratios),
          }),
      ...(first?.aim === undefined ? {} : { aim: first.aim }),
      ...(first?.better === undefined ? {} : { better: first.better }),
      runs: measures.length,
    };
  });
}

/** The median of values, and the least and most of them. NaN of none. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const value = sorted.length % 2 === 0 ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
  return { value, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Of values in order. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Which is better where the measure does not say: more of what is done in a time, less of all else. */
export function betterBy({ unit, better }: Pick<Measure, 'unit' | 'better'>): Better {
  return better ?? (unit.endsWith('/s') ? 'higher' : 'lower');
}

/** Whether a row reaches what is aimed at; undefined: nothing is. */
export function reachesAim({
  value,
  max,
  ratio,
  aim,
}: Pick<Row, 'value' | 'max' | 'ratio' | 'aim'>): boolean | undefined {
  if (aim === undefined) return undefined;
  const judged = ratio?.value ?? value;
  if ('least' in aim) return judged >= aim.least;
  return (aim.inEachRun ? max : judged) <= aim.most;
}

/** The aim for people: `≥ 80 %` of a ratio, `≤ 2` of a value. */
export function aimText({ ratio, aim }: Pick<Row, 'ratio' | 'aim'>): string {
  if (aim === undefined) return '';
  const [sign, bound] = 'least' in aim ? ['≥', aim.least] : ['≤', aim.most];
  return `${sign} ${ratio === undefined ? number(bound) : percent(bound)}`;
}

/** A figure for people, with three digits or more. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

/** A share for people. */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Cells of the table that is printed: what, the value, what stands beside it, their ratio, the aim. */
export function cellsOf(row: Row): string[] {
  const { name, unit, beside, ratio } = row;
  const apart = ({ min, max }: Spread, text: (value: number) => string) =>
    row.runs === 1 ? '' : `\n${text(min)} – ${text(max)}`;
  const reached = reachesAim(row);
  return [
    name,
    `${number(row.value)} ${unit}${apart(row, number)}`,
    beside === undefined ? '' : beside.name,
    beside === undefined ? '' : `${number(beside.value)} ${unit}${apart(beside, number)}`,
    ratio === undefined ? '' : `${percent(ratio.value)}${apart(ratio, percent)}`,
    reached === undefined ? '' : `${aimText(row)} ${reached ? 'yes' : 'NO'}`,
  ];
}
