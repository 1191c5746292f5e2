// The property that read models stand on: however the events of two topics are interleaved, batched and repeated, the
// documents are the same.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Topic } from '../../src/events.ts';
import { applyPatch, canonicalJson } from '../../src/views/patch.ts';
import type { Fields, Patch, Value } from '../../src/views/views.ts';
import { type Changes, type Kit, patch, textOf } from './views-kit.ts';

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', ''),
  fc.integer({ min: -3, max: 3 }),
  fc.boolean(),
  fc.constant<Value>([1, { x: null }]),
);
const id = fc.constantFrom('a', 'b', 'c');
const amount = fc.integer({ min: -9, max: 9 });
const key = fc.constantFrom('k1', 'k2', '3');

/** Patches that commute with those of the other topic: own fields and keys, a status that only one of them sets. */
function changesOf(own: string, status: fc.Arbitrary<Changes>): fc.Arbitrary<Changes> {
  const set = fc.dictionary(fc.constantFrom(`${own}1`, `${own}2`), fc.option(value));
  const parts = fc.record({
    set,
    max: fc.dictionary(fc.constant('most'), amount),
    min: fc.dictionary(fc.constant('least'), amount),
    put: fc.dictionary(
      fc.constant('map'),
      fc.dictionary(
        key.map((k) => own + k),
        value,
      ),
    ),
  });
  return fc.tuple(parts, status).map(([changes, extra]) => ({
    ...changes,
    ...extra,
    set: { ...changes.set, ...extra.set },
  }));
}

function streamOf(topic: Topic, changes: fc.Arbitrary<Changes>): fc.Arbitrary<Patch[]> {
  const one = fc.record({ id, changes, hole: fc.integer({ min: 1, max: 3 }) });
  return fc.array(one, { maxLength: 15 }).map((events) => {
    let offset = -1;
    return events.map(({ id: document, changes: what, hole }) => {
      offset += hole;
      return patch(document, offset, what, topic);
    });
  });
}

const streams = fc.tuple(
  streamOf(
    'organizations',
    changesOf(
      'o',
      fc.constantFrom<Changes>({}, { set: { status: 'processed' } }, { set: { status: 'error' } }),
    ),
  ),
  streamOf('inbound', changesOf('i', fc.constantFrom<Changes>({}, { setOnce: { status: 'pending' } }))),
);

/** The next batch: of which topic, how many events that are new, how many before them once more. */
const step = fc.record({
  which: fc.nat({ max: 1 }),
  fresh: fc.nat({ max: 6 }),
  again: fc.nat({ max: 6 }),
});
type Step = { which: number; fresh: number; again: number };

/** The batches: as the steps say, then what is left of each topic, then everything once more. */
function schedule(both: readonly Patch[][], steps: readonly Step[]): Patch[][] {
  const done = both.map(() => 0);
  const batches = steps.map(({ which, fresh, again }) => {
    const before = done[which] ?? 0;
    done[which] = Math.min(before + fresh, both[which]?.length ?? 0);
    return both[which]?.slice(Math.max(0, before - again), done[which]) ?? [];
  });
  return [...batches, ...both.map((stream, i) => stream.slice(done[i])), both.flat()];
}

/** What the documents must be: the one topic after the other, once. */
function inModel(patches: readonly Patch[]): string[] {
  const all = new Map<string, { document: Fields; seen: Fields }>();
  for (const one of patches) {
    const has = all.get(one.id) ?? { document: { id: one.id }, seen: {} };
    all.set(one.id, has);
    applyPatch(has.document, one);
    has.seen[one.cause.topic] = one.cause.offset;
  }
  return [...all.values()]
    .sort((a, b) => (String(a.document.id) < String(b.document.id) ? -1 : 1))
    .map(canonicalJson);
}

export function commuteContract({ it, viewsFor }: Kit): void {
  it('any interleaving, batching and repetition of two topics makes the same documents', async (t) => {
    const views = await viewsFor(t);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(streams, fc.array(step, { maxLength: 12 }), async (both, steps) => {
        const prefix = `run_${String(run++).padStart(4, '0')}_`;
        const own = both.map((stream) => stream.map((one) => ({ ...one, id: prefix + one.id })));
        for (const patches of schedule(own, steps)) await views.apply({ patches, positions: [] });
        const texts = (await textOf(views.scan('items'))).filter((text) => text.includes(prefix));
        assert.deepEqual(texts, inModel(own.flat()));
      }),
      { numRuns: 60 },
    );
  });
}
