// What every engine of the views port must do. An engine's test file calls viewsContract() with a way to make a
// store; a store can be opened more than once, as by several processes.

import assert from 'node:assert/strict';
import { canonicalJson } from '../../src/views/patch.ts';
import { ViewsUnavailable } from '../../src/views/views.ts';
import { claimsContract } from './views-claims.ts';
import { commuteContract } from './views-commute.ts';
import { findContract } from './views-find.ts';
import {
  at,
  type Changes,
  createKit,
  fill,
  idsOf,
  type Kit,
  type NewStore,
  patch,
  textOf,
} from './views-kit.ts';
import { nestedContract } from './views-nested.ts';
import { retentionContract } from './views-retention.ts';
import { shadowContract } from './views-shadow.ts';

/** `missing`: why the engine cannot be had here. */
export function viewsContract(name: string, newStore: NewStore, missing: string | false = false): void {
  const kit = createKit(name, newStore, missing);
  patchContract(kit);
  commuteContract(kit);
  storeContract(kit);
  findContract(kit);
  nestedContract(kit);
  shadowContract(kit);
  retentionContract(kit);
  claimsContract(kit);
}

function patchContract({ it, viewsFor }: Kit): void {
  it('a store begins without documents and positions', async (t) => {
    const views = await viewsFor(t);
    assert.equal(await views.get('items', 'doc_00'), undefined);
    assert.deepEqual(await views.positions('items'), {});
    assert.equal(await views.count('items'), 0);
    assert.deepEqual(await idsOf(views, {}), []);
    assert.deepEqual(await textOf(views.scan('items')), []);
  });

  it('set, setOnce, max, min and put change a document as they say', async (t) => {
    const views = await viewsFor(t);
    const first: Changes = {
      set: { a: 1, list: [1, { b: null }], gone: 'x' },
      setOnce: { once: 'first', a: 9 },
      max: { most: 5, latest: '2026-01-02' },
      min: { least: 5, earliest: '2026-01-02' },
      put: { map: { x: 1, y: { deep: [true] } } },
    };
    const second: Changes = {
      set: { a: 'two', gone: null },
      setOnce: { once: 'second', late: false },
      max: { most: 4, latest: '2026-01-03' },
      min: { least: 4, earliest: '2026-01-03' },
      put: { map: { x: 2, z: 0 } },
    };
    await views.apply({ patches: [patch('doc_00', 0, first)], positions: [at(1)] });
    assert.equal((await views.get('items', 'doc_00'))?.gone, 'x');
    await views.apply({ patches: [patch('doc_00', 1, second)], positions: [at(2)] });
    assert.deepEqual(await views.get('items', 'doc_00'), {
      id: 'doc_00',
      a: 'two',
      list: [1, { b: null }],
      once: 'first',
      late: false,
      most: 5,
      latest: '2026-01-03',
      least: 4,
      earliest: '2026-01-02',
      map: { x: 2, y: { deep: [true] }, z: 0 },
    });
  });

  it('count counts what is further than what was seen under the key, and nothing twice', async (t) => {
    const views = await viewsFor(t);
    const counted = (key: string, upTo: number): Changes => ({ count: { n: { seen: 'by', key, upTo } } });
    const changes = [counted('0', 0), counted('0', 5), counted('1', 3), counted('0', 5), counted('0', 2)];
    await views.apply({ patches: changes.map((one, i) => patch('doc_00', i, one)), positions: [at(5)] });
    assert.deepEqual(await views.get('items', 'doc_00'), { id: 'doc_00', n: 3, by: { 0: 5, 1: 3 } });
    await views.apply({ patches: [patch('doc_00', 5, counted('1', 4))], positions: [at(6)] });
    assert.deepEqual(await views.get('items', 'doc_00'), { id: 'doc_00', n: 4, by: { 0: 5, 1: 4 } });
    await views.apply({
      patches: [6, 7].map((i) => patch('doc_01', i, { count: { n: null } })),
      positions: [],
    });
    assert.deepEqual(await views.get('items', 'doc_01'), { id: 'doc_01', n: 2 });
  });

  it('a patch from an event that a document has seen is no change, also within one batch', async (t) => {
    const views = await viewsFor(t);
    const one = patch('doc_00', 7, { set: { a: 1 }, put: { map: { x: 1 } } });
    const again = { ...one, set: { a: 2 } };
    await views.apply({ patches: [one, again], positions: [at(8)] });
    await views.apply({ patches: [again, patch('doc_00', 6, { set: { a: 3 } })], positions: [at(8)] });
    assert.deepEqual(await views.get('items', 'doc_00'), { id: 'doc_00', a: 1, map: { x: 1 } });
  });

  it('what a document has seen is remembered for each topic, and for each document, on its own', async (t) => {
    const views = await viewsFor(t);
    await views.apply({ patches: [patch('doc_00', 9, { set: { a: 1 } })], positions: [] });
    const patches = [
      patch('doc_00', 2, { set: { b: 1 } }, 'inbound'),
      patch('doc_01', 2, { set: { c: 1 } }),
      patch('doc_00', 2, { set: { a: 2 } }),
    ];
    await views.apply({ patches, positions: [] });
    assert.deepEqual(await textOf(views.scan('items')), [
      '{"document":{"a":1,"b":1,"id":"doc_00"},"seen":{"inbound":2,"organizations":9}}',
      '{"document":{"c":1,"id":"doc_01"},"seen":{"organizations":2}}',
    ]);
  });

  it('within a topic the later event wins, in one batch or in two', async (t) => {
    const views = await viewsFor(t);
    await views.apply({
      patches: [0, 1, 2].map((offset) => patch('doc_00', offset, { set: { a: offset } })),
      positions: [at(3)],
    });
    assert.equal((await views.get('items', 'doc_00'))?.a, 2);
    await views.apply({ patches: [patch('doc_00', 3, { set: { a: 3 } })], positions: [at(4)] });
    assert.equal((await views.get('items', 'doc_00'))?.a, 3);
  });

  it('documents keep what they have in whatever order their ids come, which may be any text', async (t) => {
    const views = await viewsFor(t);
    // By bytes the second comes before the third; by JavaScript's order of texts it is the other way round.
    const ids = ['doc_01', 'doc_\uff71', 'doc_\u{1f600}', 'doc_00'];
    const each = (offset: number, field: string) =>
      ids.map((id, i) => patch(id, offset + i, { set: { [field]: i } }));
    for (const one of [...each(0, 'a'), ...each(4, 'b')])
      await views.apply({ patches: [one], positions: [] });
    await views.apply({ patches: each(8, 'c'), positions: [] });
    for (const [i, id] of ids.entries()) {
      assert.deepEqual(await views.get('items', id), { id, a: i, b: i, c: i });
    }
  });

  it('a patch that sets nothing still makes the document', async (t) => {
    const views = await viewsFor(t);
    await views.apply({ patches: [patch('doc_00', 0, { set: { a: null } })], positions: [] });
    assert.deepEqual(await views.get('items', 'doc_00'), { id: 'doc_00' });
  });

  it('keys and texts of any kind come back as they were', async (t) => {
    const views = await viewsFor(t);
    const strange = JSON.parse('{"__proto__":{"a":1},"a.b":"$","":null,"2":"two","10":"\\u0000é𝄞"}');
    await views.apply({ patches: [patch('doc_00', 0, { set: { strange } })], positions: [] });
    const document = await views.get('items', 'doc_00');
    assert.equal(canonicalJson({ strange: document?.strange ?? null }), canonicalJson({ strange }));
    assert.ok(Object.hasOwn(Object(document?.strange), '__proto__'));
  });

  it('patches of several views in one batch go to each its own', async (t) => {
    const views = await viewsFor(t);
    const one = patch('doc_00', 0, { set: { a: 1 } }, 'inbound');
    await views.apply({
      patches: [one, { ...one, view: 'others', set: { a: 2 } }],
      positions: [at(1, 'inbound')],
    });
    assert.equal((await views.get('items', 'doc_00'))?.a, 1);
    assert.equal((await views.get('others', 'doc_00'))?.a, 2);
  });
}

function storeContract({ it, storeFor, viewsFor }: Kit): void {
  it('positions move on, never back, of all views that are made from the topic', async (t) => {
    const views = await viewsFor(t);
    await views.apply({ patches: [], positions: [at(5), at(3, 'inbound', 1), at(2, 'outbound')] });
    await views.apply({ patches: [], positions: [at(4), at(4, 'inbound', 1), at(1, 'inbound')] });
    assert.deepEqual(await views.positions('items'), {
      organizations: { 0: 5 },
      inbound: { 0: 1, 1: 4 },
    });
    assert.deepEqual(await views.positions('others'), { inbound: { 0: 1, 1: 4 } });
  });

  it('a handle that is closed rejects with ViewsUnavailable, and closes once more in peace', async (t) => {
    const views = await viewsFor(t);
    await views.close();
    await views.close();
    await assert.rejects(views.get('items', 'doc_00'), ViewsUnavailable);
    await assert.rejects(views.apply({ patches: [], positions: [] }), ViewsUnavailable);
  });

  it('handles on one store see what each other writes', async (t) => {
    const open = await storeFor(t);
    const [one, other] = [await open(), await open()];
    await fill(one, [{ color: 'red' }]);
    assert.equal((await other.get('items', 'doc_00'))?.color, 'red');
    await other.apply({ patches: [patch('doc_00', 5, { set: { color: 'blue' } })], positions: [at(6)] });
    assert.deepEqual(await idsOf(one, { where: [{ field: 'color', eq: 'blue' }] }), ['doc_00']);
    assert.deepEqual(await one.positions('items'), { organizations: { 0: 6 } });
    assert.ok((await one.size()) > 0);
  });
}
