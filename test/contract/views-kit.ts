// What the suites of the views port share: two views, patches of them, and handles that are closed after the test.

import { type TestContext, test } from 'node:test';
import type { Topic } from '../../src/events.ts';
import { canonicalJson } from '../../src/views/patch.ts';
import type { Retention } from '../../src/views/retention.ts';
import type { Fields, Patch, Query, ViewDefinition, ViewIndex, Views } from '../../src/views/views.ts';

/** A new and empty store. Each call opens one more handle on it; the suite closes them. */
export type OpenViews = (
  definitions: readonly ViewDefinition[],
  retention?: Retention,
) => Views | Promise<Views>;

export const ITEMS: ViewDefinition = {
  name: 'items',
  version: 1,
  topics: ['organizations', 'inbound'],
  indexes: [['color'], ['size'], ['done'], ['owner', 'color']],
  sparse: ['size'],
  usual: { color: ['red'], size: [1] },
};
export const OTHERS: ViewDefinition = { name: 'others', version: 1, topics: ['inbound'], indexes: [] };

/** A view that is history. */
export const PAST: ViewDefinition = {
  name: 'past',
  version: 1,
  topics: ['organizations', 'inbound'],
  indexes: [['color'], ['color', 'size']],
  history: { prefix: 'wh', payload: ['body', 'headers', 'tries.answer'] },
};

/** Of each index the fields. */
export function fieldsOf(indexes: readonly ViewIndex[]): (readonly string[])[] {
  return indexes.map(({ fields }) => fields);
}

export type Changes = Omit<Patch, 'view' | 'id' | 'cause'>;

/** A patch of `items`, made out of the event at `offset`. */
export function patch(id: string, offset: number, changes: Changes, topic: Topic = 'organizations'): Patch {
  return { view: 'items', id, cause: { topic, partition: 0, offset }, ...changes };
}

/** Documents `doc_00`, `doc_01`, … with the fields given. */
export async function fill(views: Pick<Views, 'apply'>, documents: readonly Fields[]): Promise<void> {
  const patches = documents.map((set, i) => patch(idOf(i), i, { set }));
  await views.apply({ patches, positions: [at(documents.length)] });
}

export function idOf(number: number): string {
  return `doc_${String(number).padStart(2, '0')}`;
}

/** The position `offset` of a partition, `organizations` 0 unless said. */
export function at(offset: number, topic: Topic = 'organizations', partition = 0) {
  return { topic, partition, offset };
}

export async function idsOf(views: Views, query: Partial<Query>): Promise<string[]> {
  return (await views.find('items', { limit: 1_000, ...query })).map(({ id }) => id);
}

/** All documents of a view, or of a shadow, as canonical JSON with what they have seen. */
export async function textOf(scan: ReturnType<Views['scan']>): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of scan) {
    texts.push(...batch.map(({ document, seen }) => canonicalJson({ document, seen: { ...seen } })));
  }
  return texts;
}

/** Makes a new and empty store. */
export type NewStore = (t: TestContext) => OpenViews | Promise<OpenViews>;

export type OpenHandle = (retention?: Retention, definitions?: readonly ViewDefinition[]) => Promise<Views>;

export interface Kit {
  /** A way to open handles on one new store; by default they keep everything, and know all views. */
  storeFor(t: TestContext): Promise<OpenHandle>;
  /** One handle on a new store. */
  viewsFor(t: TestContext): Promise<Views>;
  it(what: string, body: (t: TestContext) => Promise<void>): void;
}

export function createKit(name: string, newStore: NewStore, missing: string | false): Kit {
  async function storeFor(t: TestContext): Promise<OpenHandle> {
    const handles: Views[] = [];
    t.after(() => Promise.all(handles.map((handle) => handle.close())));
    const open = await newStore(t);
    return async (retention, definitions = [ITEMS, OTHERS, PAST]) => {
      const handle = await open(definitions, retention);
      handles.push(handle);
      return handle;
    };
  }
  return {
    storeFor,
    async viewsFor(t) {
      const open = await storeFor(t);
      return open();
    },
    it(what, body) {
      test(`${name}: ${what}`, { skip: missing }, body);
    },
  };
}
