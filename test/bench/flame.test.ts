import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CpuProfile,
  flameGraph,
  functionKey,
  placeKey,
  placeOf,
  selfTimes,
  treeOf,
} from '../../bench/flame.ts';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});
const OURS = 'file:///home/me/hooklane/src/dispatch/crank.ts';
const UNDICI = 'file:///home/me/hooklane/node_modules/undici/lib/client.js';
const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 5]),
    node(2, 'turn', OURS, [3, 4]),
    node(3, 'write<T>', UNDICI),
    node(4, '', UNDICI),
    node(5, '(idle)', ''),
  ],
  samples: [2, 3, 3, 4, 5],
  timeDeltas: [1_000, 2_000, 3_000, 4_000, 90_000],
};

test('a frame has the time of its own samples, and being idle is none', () => {
  const [turn] = treeOf(PROFILE).children;
  assert.deepEqual([turn?.name, turn?.place, turn?.selfUs], ['turn', 'src/dispatch/crank.ts', 1_000]);
  assert.equal(treeOf(PROFILE).children.length, 1);
});

test('self time is summed by function and by place, the most first', () => {
  const root = treeOf(PROFILE);
  assert.deepEqual(selfTimes(root, placeKey), [
    { what: 'undici', selfUs: 9_000, share: 0.9 },
    { what: 'src/dispatch/crank.ts', selfUs: 1_000, share: 0.1 },
  ]);
  assert.deepEqual(
    selfTimes(root, functionKey).map(({ what, selfUs }) => [what, selfUs]),
    [
      ['write<T>  undici', 5_000],
      ['(anonymous of line 10)  undici', 4_000],
      ['turn  src/dispatch/crank.ts', 1_000],
    ],
  );
});

test('a place is a package, a file of ours, a module of Node, or V8', () => {
  assert.equal(placeOf('file:///x/node_modules/@fastify/cors/index.js'), '@fastify/cors');
  assert.equal(placeOf('file:///x/node_modules/a/node_modules/b/index.js'), 'b');
  assert.equal(placeOf('node:internal/timers'), 'node:internal/timers');
  assert.equal(placeOf(''), 'V8');
});

test('the flame graph has a box for each frame, as wide as its time, and text that is escaped', () => {
  const svg = flameGraph('a & b', treeOf(PROFILE));
  assert.equal(svg.match(/<g /g)?.length, 4);
  assert.match(svg, /a &amp; b/);
  assert.match(svg, /write&lt;T&gt; {2}undici: 5 ms, 50\.0 %<\/title><rect width="700\.00"/);
});

test('a profile without samples is a graph of nothing', () => {
  assert.match(flameGraph('none', treeOf({ nodes: [], samples: [], timeDeltas: [] })), /<\/svg>/);
});
