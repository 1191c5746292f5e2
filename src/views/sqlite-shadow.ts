// Shadows on SQLite. What a shadow is given is first gathered in memory, and written when that is much: as nobody reads it, a
// document that many events change is mostly written once. What is not written yet is lost with its maker, and so is
// the rest of his shadow.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkCauses, hasReached, newestFor } from './definition.ts';
import { sizeOf } from './patch.ts';
import { FOR_EVER } from './retention.ts';
import type { Catalogue, Generation } from './sqlite-catalogue.ts';
import type { Drafts } from './sqlite-table.ts';
import {
  HEARD_EVERY_MS,
  type ScannedDocument,
  type Shadow,
  type ShadowOptions,
  type ViewBatch,
} from './views.ts';

/** What shadows need of the store. */
export interface ShadowStore {
  catalogue: Catalogue;
  transaction<T>(kind: 'read' | 'write', work: () => T): T;
  scan(generation: () => Generation): AsyncIterable<ScannedDocument[]>;
}

/**
 * A shadow gets its indexes when it has been filled, which takes a third of the time off; or with the patch of this
 * number, so that no index takes much longer than a second to make, in which nobody else can write.
 */
const UNINDEXED_PATCHES = 1_000_000;
/** What a shadow may gather, as sizeOf() has it; on the heap it is several times that, and twelve may be filled at once. */
const GATHERED_BYTES = 8 * 1024 * 1024;
/** What is written then, of the documents: those that came first, as later events are rather of the others. */
const WRITTEN_SHARE = 0.5;

/** Begins shadows of the views of a store. */
export function createShadows({ catalogue, transaction, scan }: ShadowStore) {
  const { keepings } = catalogue;
  /** The shadows that are filled here: who does something with one of them lives for all, however long that takes. */
  const filled = new Set<Generation>();
  let heardMs = 0;

  function shadowOf(shadow: Generation): Shadow {
    const { view, shape, table } = shadow;
    let patched = 0;
    const drafts: Drafts = new Map();
    let bytes = 0;
    /** As far as what was gathered goes; none: all is written. */
    let gathered: Pick<ViewBatch, 'positions'> & { newestAtMs: number } = { positions: [], newestAtMs: 0 };
    filled.add(shadow);
    const own = () => {
      catalogue.checkShadow(shadow);
      return shadow;
    };
    /** As own(), for whoever has begun to write: others are told that we live. */
    const heard = () => {
      own();
      if (Math.abs(Date.now() - heardMs) >= HEARD_EVERY_MS) {
        for (const one of filled) catalogue.hear(one);
        heardMs = Date.now();
      }
      return shadow;
    };
    const tell = async () => {
      if (Math.abs(Date.now() - heardMs) >= HEARD_EVERY_MS) transaction('write', heard);
    };
    /** Writes so many of the documents. Its positions move on when all of them are written. */
    const write = (count: number) => {
      const first = [...drafts].slice(0, count);
      const all = count >= drafts.size;
      transaction('write', () => {
        heard();
        keepings.moveOn(shadow, gathered.newestAtMs, FOR_EVER);
        table.write(first, keepings.horizon(shadow));
        if (all) catalogue.advance(shadow, gathered.positions);
      });
      // Only now: what could not be written is tried again.
      for (const [id] of first) drafts.delete(id);
      bytes = all ? 0 : bytes * (1 - WRITTEN_SHARE);
      if (all) gathered = { positions: [], newestAtMs: 0 };
    };
    const writeAll = () => {
      if (drafts.size > 0 || gathered.positions.length > 0) write(drafts.size);
    };
    /** One index a transaction: in between others can write. */
    const addIndexes = async () => {
      while (transaction('write', () => catalogue.addIndex(heard()))) await nextTurn();
    };
    /** Whether the live view has read no further than the shadow. */
    const isLevel = () => {
      const live = catalogue.positions(catalogue.live(view));
      return hasReached(catalogue.positions(own()), live, shape);
    };
    return {
      async apply(batch) {
        checkCauses(batch.patches, catalogue.definition);
        const patches = batch.patches.filter((patch) => patch.view === view);
        await tell();
        transaction('read', () => table.fold(patches, drafts, keepings.horizon(own())));
        gathered = {
          positions: furthest([...gathered.positions, ...batch.positions]),
          newestAtMs: Math.max(gathered.newestAtMs, newestFor(shape, batch)),
        };
        for (const patch of patches) bytes += sizeOf(patch);
        if (bytes > GATHERED_BYTES) write(Math.ceil(drafts.size * WRITTEN_SHARE));
        const before = patched;
        patched += batch.patches.length;
        if (before < UNINDEXED_PATCHES && patched >= UNINDEXED_PATCHES) await addIndexes();
      },
      async positions() {
        writeAll();
        await tell();
        return transaction('read', () => catalogue.positions(own()));
      },
      async *scan() {
        writeAll();
        for await (const documents of scan(own)) {
          await tell();
          yield documents;
        }
      },
      async swap() {
        writeAll();
        if (!transaction('read', isLevel)) return false;
        await addIndexes();
        const swapped = transaction('write', () => {
          const level = isLevel();
          if (level) catalogue.promote(shadow);
          return level;
        });
        if (swapped) filled.delete(shadow);
        return swapped;
      },
      async drop() {
        filled.delete(shadow);
        transaction('write', () => catalogue.dropShadow(own()));
      },
    };
  }

  return (view: string, options: Required<ShadowOptions>): Shadow =>
    shadowOf(transaction('write', () => catalogue.beginShadow(view, options)));
}

/** Of each partition the greatest position. */
function furthest(positions: ViewBatch['positions']): ViewBatch['positions'] {
  const byPartition = new Map<string, ViewBatch['positions'][number]>();
  for (const position of positions) {
    const key = `${position.topic} ${position.partition}`;
    const has = byPartition.get(key);
    if (has === undefined || has.offset < position.offset) byPartition.set(key, position);
  }
  return [...byPartition.values()];
}
