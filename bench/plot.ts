// A plot of what was measured over time, as SVG: one panel a series below the other, time in minutes. Scales and lines are
// d3's.

import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

export interface Series {
  title: string;
  /** Each: minutes and values. */
  lines: readonly (readonly (readonly [minutes: number, value: number])[])[];
}

const WIDTH = 720;
const PANEL = 150;
const MARGIN = { left: 60, right: 20, top: 30, bottom: 24 };
const COLOURS = ['#1f6feb', '#d29922', '#2da44e'];

/** The text of an SVG document. */
export function plot(title: string, series: readonly Series[]): string {
  const height = MARGIN.top + series.length * PANEL;
  const panels = series.map(
    (one, at) => `<g transform="translate(0 ${MARGIN.top + at * PANEL})">${panel(one)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="${MARGIN.left}" y="18" font-size="14">${title}</text>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function panel({ title, lines }: Series): string {
  const points = lines.flat();
  const x = scaleLinear()
    .domain([0, Math.max(...points.map(([minutes]) => minutes))])
    .range([MARGIN.left, WIDTH - MARGIN.right]);
  const y = scaleLinear()
    .domain([0, Math.max(1, ...points.map(([, value]) => value))])
    .nice()
    .range([PANEL - MARGIN.bottom, MARGIN.top]);
  const path = line<readonly [number, number]>(
    ([minutes]) => x(minutes),
    ([, value]) => y(value),
  );
  const rows = y
    .ticks(4)
    .map(
      (value) =>
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
        `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString('en')}</text>`,
    );
  const columns = x
    .ticks(10)
    .map((at) => `<text x="${x(at)}" y="${PANEL - 8}" text-anchor="middle">${at}</text>`);
  const drawn = lines.map(
    (points, n) =>
      `<path d="${path(points)}" fill="none" stroke="${COLOURS[n % COLOURS.length]}" stroke-width="1.5"/>`,
  );
  return [`<text x="${MARGIN.left}" y="20">${title}</text>`, ...rows, ...columns, ...drawn].join('');
}
