// A .cpuprofile of V8 as what people read: self time by function and by package or file, and a flame graph as SVG, laid out
// by d3-hierarchy. Pure.

import { type HierarchyRectangularNode, hierarchy, partition } from 'd3-hierarchy';

/** What is used of V8's format: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface CpuProfile {
  nodes: readonly {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: readonly number[];
  }[];
  /** The node of each sample, and the microseconds since the one before it. */
  samples: readonly number[];
  timeDeltas: readonly number[];
}

/** A function as it was called, with what it called. */
export interface Frame {
  name: string;
  /** The package or file that it is of. */
  place: string;
  /** Of itself, without what it called. */
  selfUs: number;
  children: Frame[];
}

/** What V8 counts as no work of a program. */
const IDLE = '(idle)';

/** The tree of calls, without the time in which nothing was to do. */
export function treeOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const selfUs = new Map<number, number>();
  for (const [n, id] of samples.entries())
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[n] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const frameOf = (id: number): Frame[] => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === IDLE) return [];
    const { functionName, url, lineNumber } = node.callFrame;
    const name = functionName || `(anonymous of line ${lineNumber + 1})`;
    return [
      {
        name,
        place: placeOf(url),
        selfUs: selfUs.get(id) ?? 0,
        children: (node.children ?? []).flatMap(frameOf),
      },
    ];
  };
  const [root] = nodes[0] === undefined ? [] : frameOf(nodes[0].id);
  return root ?? { name: '(root)', place: 'V8', selfUs: 0, children: [] };
}

/** `undici` of a package, `src/dispatch/crank.ts` of ours, `node:internal/…`, or V8 where there is no source. */
export function placeOf(url: string): string {
  if (url === '') return 'V8';
  const [, inPackage] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (inPackage !== undefined) return inPackage;
  return /\/((?:src|bench|bin)\/.*)$/.exec(url)?.[1] ?? url;
}

/** One line of a table. */
export interface Self {
  what: string;
  selfUs: number;
  /** Of all that was not idle. */
  share: number;
}

/** Self time by what `key` says, the most first. */
export function selfTimes(root: Frame, key: (frame: Frame) => string): Self[] {
  const sums = new Map<string, number>();
  const add = (frame: Frame): void => {
    if (frame.selfUs > 0) sums.set(key(frame), (sums.get(key(frame)) ?? 0) + frame.selfUs);
    for (const child of frame.children) add(child);
  };
  add(root);
  const all = [...sums.values()].reduce((sum, us) => sum + us, 0);
  return [...sums]
    .map(([what, selfUs]) => ({ what, selfUs, share: selfUs / all }))
    .sort((a, b) => b.selfUs - a.selfUs);
}

/** How a function is called in tables. */
export const functionKey = ({ name, place }: Frame) => `${name}  ${place}`;
export const placeKey = ({ place }: Frame) => place;

/** Calls of one place and name beside each other are one. */
export function merged(frames: readonly Frame[]): Frame[] {
  return [...Map.groupBy(frames, functionKey).values()].map((same) => ({
    name: same[0]?.name ?? '',
    place: same[0]?.place ?? '',
    selfUs: same.reduce((sum, { selfUs }) => sum + selfUs, 0),
    children: merged(same.flatMap(({ children }) => children)),
  }));
}

const WIDTH = 1_400;
const ROW = 16;
const HEAD = 30;
/** Narrower than this nothing can be seen. */
const LEAST_WIDTH = 0.5;
/** Of a letter. */
const LETTER = 6.2;

/** The text of an SVG: callers above what they call, as wide as the time they took; each tells its share when pointed at. */
export function flameGraph(title: string, root: Frame): string {
  const [whole = root] = merged([root]);
  const laidOut = partition<Frame>()(
    hierarchy(whole)
      .sum(({ selfUs }) => selfUs)
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0)),
  );
  const seen = laidOut.descendants().filter(({ x0, x1 }) => (x1 - x0) * WIDTH >= LEAST_WIDTH);
  const rows = Math.max(...seen.map(({ depth }) => depth)) + 1;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEAD + rows * ROW}" font-family="monospace" font-size="10">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="4" y="18" font-size="13">${escaped(title)}</text>`,
    ...seen.map((node) => box(node, laidOut.value ?? 0)),
    '</svg>\n',
  ].join('\n');
}

function box({ x0, x1, depth, data, value = 0 }: HierarchyRectangularNode<Frame>, all: number): string {
  const [x, width, y] = [x0 * WIDTH, (x1 - x0) * WIDTH, HEAD + depth * ROW];
  const told = `${functionKey(data)}: ${(value / 1_000).toFixed(0)} ms, ${((100 * value) / all).toFixed(1)} %`;
  const letters = Math.floor((width - 4) / LETTER);
  const label = letters < 3 ? '' : `<text x="3" y="11">${escaped(data.name.slice(0, letters))}</text>`;
  const rect = `<rect width="${width.toFixed(2)}" height="${ROW - 1}" fill="${colourOf(data.place)}"/>`;
  return `<g transform="translate(${x.toFixed(2)} ${y})"><title>${escaped(told)}</title>${rect}${label}</g>`;
}

/** Ours are red, packages yellow, Node green, V8 grey. */
function colourOf(place: string): string {
  if (place === 'V8') return '#c9ced6';
  if (place.startsWith('node:')) return '#9bd3a0';
  return /^(src|bench|bin)\//.test(place) ? '#f28f6b' : '#f2d06b';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
