import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aimText,
  betterBy,
  cellsOf,
  type KeptRow,
  type Measure,
  mergedRows,
  reachesAim,
  rowsOf,
  spreadOf,
} from '../../bench/rows.ts';

const run = (value: number, beside: number): Measure[] => [
  { name: 'posts', value, unit: 'posts/s', beside: { name: 'bare', value: beside }, aim: { least: 0.5 } },
];

test('a row of several runs has the median of each figure, and how far they lie apart', () => {
  const [row] = rowsOf([run(50, 100), run(90, 100), run(60, 240)]);
  assert.deepEqual(row, {
    name: 'posts',
    ...{ value: 60, min: 50, max: 90 },
    unit: 'posts/s',
    beside: { name: 'bare', value: 100, min: 100, max: 240 },
    ratio: { value: 0.5, min: 0.25, max: 0.9 },
    aim: { least: 0.5 },
    runs: 3,
  });
});

test('the ratio is the median of ratios, each of one run, and not the ratio of medians', () => {
  const [row] = rowsOf([run(10, 100), run(20, 40), run(30, 50)]);
  assert.equal(row?.ratio?.value, 0.5);
  assert.notEqual(row?.ratio?.value, (row?.value ?? 0) / (row?.beside?.value ?? 0));
});

test('a row that came in some runs alone is of so many', () => {
  const rows = rowsOf([[{ name: 'a', value: 1, unit: 'ms' }], [{ name: 'b', value: 2, unit: 'ms' }]]);
  assert.deepEqual(
    rows.map(({ name, runs }) => [name, runs]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
});

test('the median of an even number is between the two in the middle', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { value: 2.5, min: 1, max: 4 });
});

test('an aim is of the ratio where there is one, else of the value', () => {
  const ratio = spreadOf([0.4]);
  assert.equal(reachesAim({ ...spreadOf([400]), ratio, aim: { least: 0.5 } }), false);
  assert.equal(reachesAim({ ...spreadOf([400]), aim: { least: 0.5 } }), true);
  assert.equal(reachesAim({ ...spreadOf([1.3]), aim: { most: 1.3 } }), true);
  assert.equal(reachesAim({ ...spreadOf([1.31]), aim: { most: 1.3 } }), false);
  assert.equal(reachesAim(spreadOf([1])), undefined);
  const once = spreadOf([0, 1, 0]);
  assert.equal(reachesAim({ ...once, aim: { most: 0 } }), true, 'the median');
  assert.equal(reachesAim({ ...once, aim: { most: 0, inEachRun: true } }), false, 'the worst');
  assert.equal(aimText({ ratio, aim: { least: 0.8 } }), '≥ 80 %');
  assert.equal(aimText({ aim: { most: 2 } }), '≤ 2');
});

test('more a second is better, less of anything else', () => {
  assert.equal(betterBy({ unit: 'events/s' }), 'higher');
  assert.equal(betterBy({ unit: 'ms' }), 'lower');
  assert.equal(betterBy({ unit: 'ms', better: 'neither' }), 'neither');
});

test('the spread is told of several runs alone', () => {
  const [once] = rowsOf([run(50, 100)]);
  const [twice] = rowsOf([run(50, 100), run(60, 100)]);
  assert.ok(once && twice);
  assert.deepEqual(cellsOf(once), ['posts', '50 posts/s', 'bare', '100 posts/s', '50 %', '≥ 50 % yes']);
  assert.equal(cellsOf(twice)[1], '55 posts/s\n50 – 60');
});

test('rows that are made anew take the place of all of their measure; the others stay, in the order of measures', () => {
  const row = (measure: string, name: string, value: number): KeptRow => ({
    ...{ name, ...spreadOf([value]), unit: 'ms', runs: 1 },
    ...{ measure, at: '2026-12-01T00:00:00.000Z' },
  });
  const kept = [
    row('posts', 'a', 1),
    row('gap', 'old name', 1),
    row('gone', 'x', 1),
    { name: 'of no measure' },
  ];
  const merged = mergedRows(
    kept,
    [row('gap', 'new name', 2), row('rebuild', 'r', 2)],
    ['rebuild', 'posts', 'gap'],
  );
  assert.deepEqual(
    merged.map(({ name }) => name),
    ['r', 'a', 'new name'],
  );
});
