// What find() must do where fields hold each other (`nested`), on every engine: the same as where they do not.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Condition, Document, Query, ViewDefinition } from '../../src/views/views.ts';
import type { Kit } from './views-kit.ts';

const PLACES: ViewDefinition = {
  name: 'places',
  version: 1,
  topics: ['organizations'],
  indexes: [
    ...[['land'], ['town'], ['street']],
    ...[
      ['land', 'color'],
      ['town', 'color'],
      ['street', 'color'],
    ],
    ...[
      ['land', 'size'],
      ['town', 'size'],
      ['street', 'size'],
    ],
    ['land', 'shape'],
    ['shape'],
  ],
  nested: ['land', 'town', 'street'],
  usual: { color: ['red'], shape: ['round'] },
};

const COUNT = 300;
/** Ids sort by their bytes, in which they differ from UTF-16. */
const idOf = (n: number) => `pl_${['a', '\u{ffee}', '\u{1d11e}'][n % 3]}${String(n).padStart(3, '0')}`;

/**
 * Three lands, with up to nine towns each, of up to four streets, and of late one street alone; what is in no street, or
 * nowhere, also has a place.
 */
const documents: Document[] = Array.from({ length: COUNT }, (_, n) => {
  const late = n >= 240;
  const land = late || n % 7 < 4 ? 'a' : (['b', 'c'][n % 3] ?? null);
  const town = land === null ? null : n % 11 === 0 ? null : `${land}${late ? 0 : n % 9}`;
  const street = town === null ? null : n % 13 === 0 ? null : `${town}${late ? 0 : n % 4}`;
  return {
    id: idOf(n),
    ...{ land, town, street },
    color: ['red', 'red', 'blue', null][n % 4] ?? null,
    size: n % 6 === 0 ? null : n % 17,
    shape: n % 5 === 0 ? 'flat' : 'round',
  };
});

const bytes = (text: string) => Buffer.from(text);
const byId = (a: Document, b: Document) => Buffer.compare(bytes(b.id), bytes(a.id));
const isBefore = (id: string, other: string) => Buffer.compare(bytes(id), bytes(other)) < 0;

/** All that a query finds, whatever its limit. */
function found(where: readonly Condition[], { order }: Pick<Query, 'order'> = {}): string[] {
  const meet = documents.filter((document) =>
    where.every((condition) => 'eq' in condition && document[condition.field] === condition.eq),
  );
  if (order === undefined) return meet.sort(byId).map(({ id }) => id);
  const sized = meet.filter(({ size }) => size !== null);
  return sized.sort((a, b) => Number(b.size) - Number(a.size) || byId(a, b)).map(({ id }) => id);
}

export function nestedContract({ it, storeFor }: Kit): void {
  it('fields that hold each other find what they find alone, newest first or in an order, page by page', async (t) => {
    const open = await storeFor(t);
    const views = await open(undefined, [PLACES]);
    const patches = documents.map(({ id, ...set }, offset) => {
      const cause = { topic: 'organizations', partition: 0, offset } as const;
      return { view: 'places', id, cause, set };
    });
    await views.apply({ patches, positions: [] });
    const values = fc.record({
      land: fc.constantFrom('a', 'a', 'b', 'none'),
      town: fc.constantFrom('a0', 'a3', 'b4', 'none'),
      street: fc.constantFrom('a00', 'a31', 'b40', 'none'),
      color: fc.constantFrom('red', 'blue', 'green'),
      shape: fc.constantFrom('round', 'flat'),
      size: fc.constantFrom(3, 16),
    });
    const nested = fc.constantFrom(
      'land',
      'land',
      'land town',
      'land town street',
      'town',
      'land street',
      '',
    );
    const others = fc.constantFrom('', '', 'color', 'shape', 'size', 'color shape');
    const asked = fc
      .tuple(values, nested, others)
      .map(([all, ...names]) =>
        Object.entries(all).filter(([field]) => names.join(' ').split(' ').includes(field)),
      );
    const how = fc.record({
      limit: fc.constantFrom(1, 7, 50, 1_000),
      sorted: fc.boolean(),
      before: fc.constantFrom(undefined, idOf(200), idOf(31)),
    });
    await fc.assert(
      fc.asyncProperty(asked, how, async (fields, { limit, sorted, before }) => {
        const where = fields.map(([field, eq]) => ({ field, eq }));
        const field = 'size';
        const all = found(where, sorted ? { order: { field } } : {});
        const expected = sorted || before === undefined ? all : all.filter((id) => isBefore(id, before));
        const ids: string[] = [];
        for (let last: Document | undefined, more = true; more; ) {
          const after = last === undefined ? {} : { after: { value: Number(last[field]), id: last.id } };
          const from = last?.id ?? before;
          const on = sorted ? { order: { field, ...after } } : from === undefined ? {} : { before: from };
          const page = await views.find('places', { where, limit, ...on });
          ids.push(...page.map(({ id }) => id));
          last = page.at(-1);
          more = page.length === limit;
        }
        assert.deepEqual(ids, expected);
      }),
      { numRuns: 150 },
    );
    for (const land of ['a', 'b', 'none']) {
      const where = [{ field: 'land', eq: land }];
      await assert.rejects(views.find('places', { where, limit: 1_001 }), RangeError);
      assert.equal(await views.count('places', where), found(where).length);
      assert.equal((await views.first('places', where))?.id, found(where).at(-1));
    }
  });
}
