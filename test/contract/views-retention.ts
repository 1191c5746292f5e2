// What every engine must do with documents that are too old to be kept: see src/views/retention.ts.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Topic } from '../../src/events.ts';
import { leastId } from '../../src/ids.ts';
import { applyPatch, canonicalJson } from '../../src/views/patch.ts';
import type { Document, Fields, Patch, ViewBatch, Views } from '../../src/views/views.ts';
import { at, type Changes, type Kit, PAST, textOf } from './views-kit.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 31);
const retention = (documents: number, payloads = documents) => ({
  documentsMs: documents * HOUR_MS,
  payloadsMs: payloads * HOUR_MS,
});

/** The id of the `n`th document that was made `hours` after the start. */
function idAt(hours: number, n = 0): string {
  return leastId('wh', START_MS + hours * HOUR_MS) + String(n).padStart(16, '0');
}

const PAYLOAD: Changes = {
  set: { color: 'red', body: 'text', headers: { a: 'b' } },
  put: { tries: { 1: { number: 1, answer: 'ok' }, 2: { number: 2, answer: null } } },
};
const AGED = { color: 'red', tries: { 1: { number: 1, answer: null }, 2: { number: 2, answer: null } } };

function past(id: string, offset: number, changes: Changes = PAYLOAD, topic: Topic = 'organizations'): Patch {
  return { view: 'past', id, cause: { topic, partition: 0, offset }, ...changes };
}

/** A batch whose newest event is of `hours` after the start. */
function batch(hours: number, patches: readonly Patch[], topic: Topic = 'organizations'): ViewBatch {
  const next = Math.max(0, ...patches.map(({ cause }) => cause.offset + 1));
  return { patches, positions: [at(next, topic)], newestAtMs: { [topic]: START_MS + hours * HOUR_MS } };
}

async function idsIn(views: Views, prefix = 'wh'): Promise<string[]> {
  const found = await views.find('past', { limit: 1_000, where: [{ field: 'id', prefix }] });
  return found.map(({ id }) => id);
}

export function retentionContract({ it, storeFor }: Kit): void {
  it('a batch of several topics takes a view only as far as its own have come', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(10));
    await views.apply(batch(0, [past(idAt(0), 0)]));
    const newestAtMs = { organizations: START_MS + HOUR_MS, outbound: START_MS + 99 * HOUR_MS };
    await views.apply({ patches: [], positions: [at(1), at(1, 'outbound')], newestAtMs });
    assert.deepEqual(await idsIn(views), [idAt(0)]);
    await views.apply({
      patches: [],
      positions: [at(1, 'inbound')],
      newestAtMs: { inbound: START_MS + 99 * HOUR_MS },
    });
    assert.deepEqual(await idsIn(views), []);
  });

  it('what is before the horizon is in no answer, and comes back with no patch', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(10));
    const [first, second, third] = [idAt(0), idAt(1), idAt(2)];
    await views.apply(batch(2, [past(first, 0), past(second, 1), past(third, 2)]));
    assert.deepEqual(await idsIn(views), [third, second, first]);
    // Not yet: at the full hour alone.
    await views.apply({ ...batch(10, []), newestAtMs: { organizations: START_MS + 11 * HOUR_MS - 1 } });
    assert.equal(await views.count('past'), 3);
    await views.apply(batch(11, [past(first, 3)]));
    for (const view of [views, await open()]) {
      assert.deepEqual(await idsIn(view), [third, second]);
      assert.equal(await view.get('past', first), undefined);
      assert.equal((await view.first('past'))?.id, second);
      assert.equal(await view.count('past', [{ field: 'color', eq: 'red' }]), 2);
      assert.equal(await view.count('past', [], 1), 1);
      assert.equal((await textOf(view.scan('past'))).length, 2);
      assert.equal((await view.find('past', { limit: 9, order: { field: 'color' } })).length, 2);
      assert.deepEqual(await view.find('past', { limit: 9, before: second }), []);
    }
    // An event of before does not take the horizon back.
    await views.apply(batch(1, [past(first, 4), past(second, 5, { set: { color: 'blue' } })]));
    assert.deepEqual(await idsIn(views), [third, second]);
    assert.equal((await views.get('past', second))?.color, 'blue');
  });

  it('a payload that is too old is in no answer, and comes back with no patch; what is none stays', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(1_000, 5));
    const [old, young] = [idAt(0), idAt(6)];
    await views.apply(batch(0, [past(old, 0), past(young, 1)]));
    assert.deepEqual((await views.get('past', old))?.body, 'text');
    await views.apply(batch(6, []));
    const mustBe = async (fields: Fields) => {
      const document = { id: old, ...fields };
      assert.deepEqual(await views.get('past', old), document);
      assert.deepEqual(await views.first('past'), document);
      assert.deepEqual((await views.find('past', { limit: 9 })).at(-1), document);
      assert.ok((await textOf(views.scan('past')))[0]?.includes(canonicalJson(document).slice(1, -1)));
    };
    await mustBe(AGED);
    await views.apply(batch(6, [past(old, 2, { ...PAYLOAD, set: { ...PAYLOAD.set, color: 'blue' } })]));
    await mustBe({ ...AGED, color: 'blue' });
    assert.equal((await views.get('past', young))?.body, 'text');
  });

  it('other views keep their documents, and those of topics that a view is not made from do not age it', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(10));
    await views.apply(batch(0, [past(idAt(0), 0), { ...past('doc_00', 0), view: 'items' }]));
    await views.apply(batch(1_000, [], 'outbound'));
    assert.equal(await views.count('past'), 1);
    await views.apply(batch(1_000, []));
    assert.equal(await views.count('past'), 0);
    assert.deepEqual((await views.get('items', 'doc_00'))?.body, 'text');
  });

  it('a view that says for how long it is kept is kept so long, whatever the store is told', async (t) => {
    const open = await storeFor(t);
    const { prefix, payload } = PAST.history ?? { prefix: 'wh', payload: [] };
    const declared = [{ ...PAST, history: { prefix, payload, keptMs: 10 * HOUR_MS } }];
    const ids = [idAt(0), idAt(1), idAt(2)];
    for (const told of [retention(1_000), retention(1), undefined]) {
      const views = await open(told, declared);
      await views.apply(
        batch(
          2,
          ids.map((id, n) => past(id, n)),
        ),
      );
      await views.apply(batch(11, []));
      assert.deepEqual(await idsIn(views), ids.slice(1).reverse());
      assert.equal(await views.isOutdated('past'), false);
      const shadow = await views.shadow('past');
      await shadow.apply(
        batch(
          2,
          ids.map((id, n) => past(id, n)),
        ),
      );
      await shadow.apply(batch(11, []));
      assert.equal(await shadow.swap(), true);
      assert.deepEqual(await idsIn(views), ids.slice(1).reverse());
      while (await views.sweep('past'));
      assert.deepEqual(await idsIn(views), ids.slice(1).reverse());
    }
  });

  it('sweeping takes off the disk what is not seen, a bounded part at a time, and changes no answer', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(10, 5));
    const old = Array.from({ length: 700 }, (_, n) => past(idAt(0, n), n));
    const aged = Array.from({ length: 700 }, (_, n) => past(idAt(6, n), 700 + n));
    await views.apply(batch(0, [...old, ...aged, past(idAt(12), 1_400)]));
    assert.equal(await views.sweep('past'), false);
    await views.apply(batch(12, []));
    const answer = await textOf(views.scan('past'));
    assert.equal(answer.length, 701);
    // As it stands on the disk.
    const { history: _, ...all } = PAST;
    const raw = await open(undefined, [all]);
    assert.equal(await raw.count('past'), 1_401);
    let parts = 1;
    for (; await views.sweep('past'); parts++) assert.deepEqual(await textOf(views.scan('past')), answer);
    assert.ok(parts >= 3, `${parts} parts`);
    assert.equal(await raw.count('past'), 701);
    assert.equal(await raw.count('past', [{ field: 'body', eq: 'text' }]), 1);
    assert.deepEqual(await textOf(views.scan('past')), answer);
    assert.equal(await views.sweep('past'), false);
    // Nor does what comes later for it bring it back to the disk.
    await views.apply(batch(12, [past(idAt(0), 1_401), past(idAt(6), 1_402)]));
    assert.equal(await raw.count('past'), 701);
    assert.equal(await raw.count('past', [{ field: 'body', eq: 'text' }]), 1);
    // Horizons move on, and so does the sweeping.
    await views.apply(batch(18, [past(idAt(18), 1_403)]));
    while (await views.sweep('past'));
    assert.deepEqual(
      (await raw.find('past', { limit: 9 })).map(({ id, body }) => [id, body ?? null]),
      [
        [idAt(18), 'text'],
        [idAt(12), null],
      ],
    );
  });

  it('a shorter retention removes more, from the next batch or sweeping on; a longer one wants a rebuild', async (t) => {
    const open = await storeFor(t);
    const long = await open(retention(10));
    const history = [past(idAt(0), 0), past(idAt(3), 1), past(idAt(6), 2)];
    await long.apply(batch(6, history));
    assert.equal(await long.count('past'), 3);
    const short = await open(retention(3));
    assert.deepEqual(await idsIn(short), [idAt(6), idAt(3), idAt(0)]);
    await short.sweep('past');
    assert.deepEqual(await idsIn(long), [idAt(6), idAt(3)]);
    // Who keeps more does not bring back what is gone.
    await long.apply(batch(7, []));
    assert.deepEqual(await idsIn(long), [idAt(6)]);
    assert.equal(await short.isOutdated('past'), false);
    assert.equal(await long.isOutdated('past'), true);
    assert.equal(await (await open(retention(3, 2))).isOutdated('past'), false);
    assert.equal(await (await open(retention(4, 2))).isOutdated('past'), true);
    assert.equal(await (await open()).isOutdated('past'), true);
    assert.equal(await (await open()).isOutdated('items'), false);

    const shadow = await long.shadow('past');
    for (const patch of history) await shadow.apply(batch(6, [patch]));
    await shadow.apply(batch(7, []));
    assert.equal(await shadow.swap(), true);
    assert.equal(await long.isOutdated('past'), false);
    assert.equal((await idsIn(long)).length, 3);
    await short.apply(batch(7, []));
    assert.deepEqual(await idsIn(long), [idAt(6)]);
  });

  it('a shadow is like the live view when it is asked for, whatever is configured', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(10, 4));
    const history = [past(idAt(0), 0), past(idAt(8), 1), past(idAt(11), 2)];
    await views.apply(batch(12, history));
    for (const other of [await open(), await open(retention(1))]) {
      const shadow = await other.shadow('past', { likeLive: true });
      for (const patch of history) await shadow.apply(batch(8, [patch]));
      await shadow.apply(batch(12, []));
      assert.deepEqual(await textOf(shadow.scan()), await textOf(views.scan('past')));
      await shadow.drop();
    }
  });

  it('a view forgets what it is told to, in every copy, and nothing brings it back', async (t) => {
    const open = await storeFor(t);
    const views = await open();
    const history = [past(idAt(0), 0), past(idAt(3), 1), past(idAt(6), 2)];
    await views.apply(batch(6, history));
    const begun = await views.shadow('past');
    for (const patch of history) await begun.apply(batch(6, [patch]));
    await views.forget('past', START_MS + 3 * HOUR_MS);
    await views.forget('past', START_MS);
    await views.forget('items', START_MS + 99 * HOUR_MS);
    assert.deepEqual(await idsIn(views), [idAt(6), idAt(3)]);
    assert.equal((await textOf(begun.scan())).length, 2);
    assert.equal(await begun.swap(), true);
    await views.apply(batch(7, [past(idAt(0), 3)]));
    assert.deepEqual(await idsIn(await open()), [idAt(6), idAt(3)]);
    assert.equal(await views.isOutdated('past'), false);
    const later = await views.shadow('past');
    for (const patch of history) await later.apply(batch(6, [patch]));
    assert.equal((await textOf(later.scan())).length, 2);
  });

  it('live and rebuilt are the same, whenever what is read, swept and retained', async (t) => {
    const open = await storeFor(t);
    const views = await open(retention(20, 8));
    let run = 0;
    await fc.assert(
      fc.asyncProperty(streams, fc.array(step, { maxLength: 12 }), async (both, steps) => {
        // A later time for each run, so that the documents of those before are gone.
        const shift = run++ * 1_000;
        fc.pre(both.flat().length > 0);
        const own = both.map((stream) => stream.map((one) => shifted(one, shift)));
        for (const { which, fresh, again, sweep } of scheduled(own, steps)) {
          await views.apply(batchOf([...again, ...fresh], which));
          if (sweep) await views.sweep('past');
        }
        const live = await textOf(views.scan('past'));
        assert.deepEqual(live, inModel(own.flat()));
        const shadow = await views.shadow('past');
        for (const [which, stream] of own.entries()) {
          for (const one of stream) await shadow.apply(batchOf([one], which));
        }
        assert.deepEqual(await textOf(shadow.scan()), live);
        await shadow.drop();
      }),
      { numRuns: 40 },
    );
  });
}

// ── the property ────────────────────────────────────────────────────────────────────────────────────────────

/** An event: when it was written, and what it changes of the document that was made at an hour. */
interface Told {
  hours: number;
  patch: Patch;
}

const TOPICS: readonly Topic[] = ['organizations', 'inbound'];

const changes = (topic: Topic): fc.Arbitrary<Changes> =>
  topic === 'organizations'
    ? fc.constantFrom<Changes>(
        PAYLOAD,
        { set: { color: 'blue' } },
        { put: { tries: { 1: { answer: 'no' } } } },
      )
    : fc.constantFrom<Changes>({ put: { tries: { x: { answer: 'late' } } } }, { setOnce: { once: 1 } });

/** Documents are made within 48 hours, and spoken of within 30 more. Offsets of each run go on from those before. */
function streamOf(topic: Topic): fc.Arbitrary<Told[]> {
  const one = fc.record({ made: fc.nat({ max: 48 }), later: fc.nat({ max: 30 }), what: changes(topic) });
  return fc.array(one, { maxLength: 20 }).map((events) =>
    events.map(({ made, later, what }, i) => ({
      hours: made + later,
      patch: past(idAt(made), i, what, topic),
    })),
  );
}

const streams = fc.tuple(...TOPICS.map(streamOf));
const step = fc.record({
  which: fc.nat({ max: 1 }),
  fresh: fc.nat({ max: 6 }),
  again: fc.nat({ max: 4 }),
  sweep: fc.boolean(),
});

function shifted({ hours, patch }: Told, shift: number): Told {
  const made = parseHours(patch.id);
  const { cause } = patch;
  return {
    hours: hours + shift,
    patch: { ...patch, id: idAt(made + shift), cause: { ...cause, offset: cause.offset + shift } },
  };
}

function parseHours(id: string): number {
  for (let hours = 0; ; hours++) if (id === idAt(hours)) return hours;
}

/** In batches as the steps say, each after a part of what came before it once more; then what is left. */
function scheduled(
  both: readonly Told[][],
  steps: readonly { which: number; fresh: number; again: number; sweep: boolean }[],
) {
  const done = both.map(() => 0);
  const rest = both.map((_, which) => ({ which, fresh: 1_000, again: 3, sweep: false }));
  return [...steps, ...rest].map(({ which, fresh, again, sweep }) => {
    const before = done[which] ?? 0;
    const stream = both[which] ?? [];
    done[which] = Math.min(before + fresh, stream.length);
    return {
      which,
      again: stream.slice(Math.max(0, before - again), before),
      fresh: stream.slice(before, done[which]),
      sweep,
    };
  });
}

function batchOf(told: readonly Told[], which: number): ViewBatch {
  const newest = Math.max(0, ...told.map(({ hours }) => hours));
  return batch(
    newest,
    told.map(({ patch }) => patch),
    TOPICS[which],
  );
}

/** Everything is kept, and only then what is too old is left out. */
function inModel(told: readonly Told[]): string[] {
  const newest = Math.max(0, ...told.map(({ hours }) => hours));
  const all = new Map<string, { document: Document; seen: Fields }>();
  for (const { patch } of told) {
    const has = all.get(patch.id) ?? { document: { id: patch.id }, seen: {} };
    all.set(patch.id, has);
    applyPatch(has.document, patch);
    has.seen[patch.cause.topic] = patch.cause.offset;
  }
  for (const { document } of all.values()) {
    if (document.id >= idAt(newest - 8)) continue;
    delete document.body;
    delete document.headers;
    for (const [key, one] of Object.entries((document.tries ?? {}) as Record<string, Fields>)) {
      document.tries = {
        ...(document.tries as Fields),
        [key]: { ...one, ...('answer' in one && { answer: null }) },
      };
    }
  }
  return [...all.values()]
    .filter(({ document }) => document.id >= idAt(newest - 20))
    .sort((a, b) => (a.document.id < b.document.id ? -1 : 1))
    .map(canonicalJson);
}
