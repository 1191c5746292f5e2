// What find(), count() and scan() must do, on every engine.

import assert from 'node:assert/strict';
import type { Condition, Fields } from '../../src/views/views.ts';
import { fill, idOf, idsOf, type Kit, patch } from './views-kit.ts';

export function findContract({ it, viewsFor }: Kit): void {
  const VALUES = [null, '', 'red', 'redder', 'blue', 'é𝄞', 0, 1, 2, 2.5, -3, true, false];
  // The same values in a field with an index and in one without.
  const documents: Fields[] = VALUES.map((value) => ({ color: value, plain: value }));
  const cases: [condition: (field: string) => Condition, found: (typeof VALUES)[number][]][] = [
    ...VALUES.map((value): [(field: string) => Condition, typeof VALUES] => [
      (field) => ({ field, eq: value }),
      [value],
    ]),
    [(field) => ({ field, eq: 'Red' }), []],
    [(field) => ({ field, in: [] }), []],
    [(field) => ({ field, in: ['red', 2, 'none'] }), ['red', 2]],
    [(field) => ({ field, prefix: 'red' }), ['red', 'redder']],
    [(field) => ({ field, prefix: '' }), ['', 'red', 'redder', 'blue', 'é𝄞']],
    [(field) => ({ field, prefix: 're%' }), []],
    [(field) => ({ field, from: 1 }), [1, 2, 2.5]],
    [(field) => ({ field, to: 1 }), [0, -3]],
    [(field) => ({ field, from: 0, to: 2.5 }), [0, 1, 2]],
    [(field) => ({ field, from: 'blue' }), ['red', 'redder', 'blue', 'é𝄞']],
    [(field) => ({ field, to: 'red' }), ['', 'blue']],
    [(field) => ({ field, from: 'blue', to: 'redder' }), ['red', 'blue']],
  ];
  for (const field of ['color', 'plain']) {
    it(`conditions on ${field === 'color' ? 'an indexed field' : 'any other field'}`, async (t) => {
      const views = await viewsFor(t);
      await fill(views, documents);
      for (const [condition, found] of cases) {
        const where = [condition(field)];
        const told = JSON.stringify(where);
        const expected = found.map((value) => idOf(VALUES.indexOf(value))).sort();
        assert.deepEqual((await idsOf(views, { where })).sort(), expected, told);
        assert.equal(await views.count('items', where), expected.length, told);
      }
    });
  }

  it('a list or an object is there, and equals nothing', async (t) => {
    const views = await viewsFor(t);
    await fill(views, [{ color: ['red'], plain: ['red'] }, { color: { a: 1 }, plain: { a: 1 } }, {}]);
    for (const field of ['color', 'plain']) {
      assert.deepEqual(await idsOf(views, { where: [{ field, eq: null }] }), ['doc_02']);
      for (const eq of ['red', '["red"]', '{"a":1}', true, 0]) {
        assert.deepEqual(await idsOf(views, { where: [{ field, eq }] }), [], `${field} ${eq}`);
      }
      assert.deepEqual(await idsOf(views, { where: [{ field, prefix: '' }] }), []);
    }
  });

  it('conditions on the id, and several conditions at once', async (t) => {
    const views = await viewsFor(t);
    await fill(
      views,
      Array.from({ length: 20 }, (_, i) => ({ color: i % 2 ? 'red' : 'blue', size: i, done: i > 9 })),
    );
    const byId: Condition[] = [{ field: 'id', from: 'doc_03', to: 'doc_06' }];
    assert.deepEqual(await idsOf(views, { where: byId }), ['doc_05', 'doc_04', 'doc_03']);
    assert.deepEqual(await idsOf(views, { where: [{ field: 'id', eq: 'doc_07' }] }), ['doc_07']);
    assert.deepEqual(await idsOf(views, { where: [{ field: 'id', in: ['doc_01', 'x'] }] }), ['doc_01']);
    assert.equal(await views.count('items', [{ field: 'id', prefix: 'doc_1' }]), 10);
    const several: Condition[] = [
      { field: 'color', eq: 'red' },
      { field: 'done', eq: true },
      { field: 'size', to: 14 },
    ];
    assert.deepEqual(await idsOf(views, { where: several }), ['doc_13', 'doc_11']);
    assert.equal(await views.count('items', several), 2);
  });

  it('a change of a field is found at once, and no longer by what it was', async (t) => {
    const views = await viewsFor(t);
    await fill(views, [{ color: 'red' }]);
    await views.apply({ patches: [patch('doc_00', 9, { set: { color: null } })], positions: [] });
    assert.deepEqual(await idsOf(views, { where: [{ field: 'color', eq: 'red' }] }), []);
    assert.deepEqual(await idsOf(views, { where: [{ field: 'color', eq: null }] }), ['doc_00']);
  });

  it('documents are found newest first, in pages that begin before an id', async (t) => {
    const views = await viewsFor(t);
    await fill(
      views,
      Array.from({ length: 9 }, (_, i) => ({ color: i % 3 === 0 ? 'red' : 'blue' })),
    );
    assert.deepEqual(await idsOf(views, { limit: 2 }), ['doc_08', 'doc_07']);
    assert.deepEqual(await idsOf(views, { limit: 2, before: 'doc_07' }), ['doc_06', 'doc_05']);
    assert.deepEqual(await idsOf(views, { before: 'doc_02' }), ['doc_01', 'doc_00']);
    const where: Condition[] = [{ field: 'color', eq: 'red' }];
    assert.deepEqual(await idsOf(views, { where, before: 'doc_06' }), ['doc_03', 'doc_00']);
    assert.deepEqual(await idsOf(views, { before: 'doc_00' }), []);
  });

  it('documents are found in the order of a field, greatest first, page by page', async (t) => {
    const views = await viewsFor(t);
    const sizes = [3, 1, 3, null, 2, 3, -1, 2.5];
    await fill(
      views,
      sizes.map((size, i) => ({ size, plain: size, owner: i % 2 ? 'b' : 'a', color: `c${size}` })),
    );
    const expected = [5, 2, 0, 7, 4, 1, 6].map(idOf);
    for (const field of ['size', 'plain']) {
      assert.deepEqual(await idsOf(views, { order: { field } }), expected, field);
      const paged: string[] = [];
      for (let after: { value: number; id: string } | undefined, length = -1; length !== 0; ) {
        const order = after === undefined ? { field } : { field, after };
        const page = await views.find('items', { limit: 2, order });
        paged.push(...page.map(({ id }) => id));
        const last = page.at(-1);
        length = page.length;
        if (last !== undefined) after = { value: Number(last[field]), id: last.id };
      }
      assert.deepEqual(paged, expected, field);
    }
    const where: Condition[] = [{ field: 'owner', eq: 'a' }];
    const after = { value: 'c3', id: idOf(2) };
    assert.deepEqual(await idsOf(views, { where, order: { field: 'color', after } }), [0, 4, 6].map(idOf));
  });

  it('the first of those that meet all conditions is the oldest', async (t) => {
    const views = await viewsFor(t);
    assert.equal(await views.first('items'), undefined);
    await fill(
      views,
      Array.from({ length: 9 }, (_, i) => ({ color: i % 3 === 2 ? 'red' : 'blue', size: i })),
    );
    const idOfFirst = async (where?: Condition[]) => (await views.first('items', where))?.id;
    assert.equal(await idOfFirst(), 'doc_00');
    assert.equal(await idOfFirst([{ field: 'color', eq: 'red' }]), 'doc_02');
    const several: Condition[] = [
      { field: 'color', eq: 'red' },
      { field: 'size', from: 3 },
    ];
    assert.equal((await views.first('items', several))?.size, 5);
    assert.equal(await idOfFirst([{ field: 'color', eq: 'green' }]), undefined);
  });

  it('with a bound no more are counted', async (t) => {
    const views = await viewsFor(t);
    await fill(
      views,
      Array.from({ length: 9 }, (_, i) => ({ color: i % 3 === 0 ? 'red' : 'blue' })),
    );
    const red: Condition[] = [{ field: 'color', eq: 'red' }];
    assert.deepEqual(await Promise.all([2, 3, 4].map((most) => views.count('items', red, most))), [2, 3, 3]);
    assert.deepEqual(await Promise.all([8, 9, 10].map((most) => views.count('items', [], most))), [8, 9, 9]);
  });

  it('a page has 1 to 1,000 documents', async (t) => {
    const views = await viewsFor(t);
    for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) {
      await assert.rejects(views.find('items', { limit }), RangeError, String(limit));
    }
  });

  it('a scan gives every document once, least id first, also while it is written', async (t) => {
    const views = await viewsFor(t);
    const patches = Array.from({ length: 1_700 }, (_, i) =>
      patch(`doc_${String((i * 7) % 1_700).padStart(4, '0')}`, i, { set: { a: i } }),
    );
    await views.apply({ patches, positions: [] });
    const ids: string[] = [];
    for await (const batch of views.scan('items')) {
      if (ids.length === 0) await views.apply({ patches: [patch('doc_0000', 9_999, {})], positions: [] });
      ids.push(...batch.map(({ document }) => document.id));
    }
    assert.equal(ids.length, 1_700);
    assert.deepEqual(ids, [...new Set(ids)].sort());
  });
}
