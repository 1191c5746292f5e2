// The store of read models on SQLite: one file, views.db, in the data directory. It may lag behind the log and may
// be deleted, as it comes back from the log; so it is synced only now and then (synchronous=NORMAL).
//
// A view is a table, the live generation; the table `views` says which. Whoever reads or writes looks there within
// the same transaction, so that a view that was rebuilt by another process is seen at once.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { comesFromOutside } from '../database-file.ts';
import type { Topic } from '../events.ts';
import { createCatalogue, type Generation } from './sqlite-catalogue.ts';
import { openViewsFile, PATHS } from './sqlite-file.ts';
import {
  type Patch,
  type ScannedDocument,
  type Shadow,
  type ViewBatch,
  type ViewDefinition,
  type Views,
  ViewsUnavailable,
} from './views.ts';

export interface SqliteViewsOptions {
  /** The data directory. */
  directory: string;
  definitions: readonly ViewDefinition[];
}

/** Documents that are read at a time by scan(). */
const SCAN_DOCUMENTS = 500;

/** Opens the read models of a data directory. Throws ViewsRefused. */
export function openSqliteViews({ directory, definitions }: SqliteViewsOptions): Views {
  const db = openViewsFile(directory);
  const catalogue = createCatalogue(db, definitions);
  const transactions = { read: db.prepare('BEGIN'), write: db.prepare('BEGIN IMMEDIATE') };
  const commit = db.prepare('COMMIT');
  let closed = false;

  /** Runs `work` in one transaction, in which the catalogue is what it is on disk. */
  async function transaction<T>(kind: 'read' | 'write', work: () => T): Promise<T> {
    if (closed) throw new ViewsUnavailable('the read models are closed');
    try {
      transactions[kind].run();
      catalogue.refresh();
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      catalogue.reset();
      if (!comesFromOutside(error)) throw error;
      throw new ViewsUnavailable(`the read models cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  function applyTo(generations: readonly Generation[], { patches, positions }: ViewBatch): void {
    const byView = Map.groupBy(patches, ({ view }: Patch) => view);
    for (const generation of generations) {
      const own = byView.get(generation.view);
      if (own !== undefined) generation.table.apply(own);
      catalogue.advance(generation, positions);
    }
  }

  async function* scan(generation: () => Generation): AsyncGenerator<ScannedDocument[]> {
    for (let last = ''; ; ) {
      const from = last;
      const documents = await transaction('read', () => generation().table.scan(from, SCAN_DOCUMENTS));
      if (documents.length > 0) yield documents;
      if (documents.length < SCAN_DOCUMENTS) return;
      last = documents.at(-1)?.document.id ?? last;
      await nextTurn();
    }
  }

  function shadowOf(view: string, id: number): Shadow {
    const own = () => catalogue.shadow(view, id);
    return {
      apply: (batch) => transaction('write', () => applyTo([own()], batch)),
      positions: () => transaction('read', () => catalogue.positions(own())),
      scan: () => scan(own),
      swap: () =>
        transaction('write', () => {
          const shadow = own();
          const ahead = catalogue.positions(shadow);
          const live = catalogue.positions(catalogue.live(view));
          for (const [topic, offsets] of Object.entries(live) as [Topic, Record<number, number>][]) {
            for (const [partition, next] of Object.entries(offsets)) {
              if (next > (ahead[topic]?.[Number(partition)] ?? 0)) return false;
            }
          }
          catalogue.promote(shadow);
          return true;
        }),
      drop: () => transaction('write', () => catalogue.dropShadow(own())),
    };
  }

  return {
    apply: (batch) => transaction('write', () => applyTo(catalogue.all(), batch)),
    positions: (view) => transaction('read', () => catalogue.positions(catalogue.live(view))),
    get: (view, id) => transaction('read', () => catalogue.live(view).table.get(id)),
    find: (view, query) => transaction('read', () => catalogue.live(view).table.find(query)),
    count: (view, where = []) => transaction('read', () => catalogue.live(view).table.count(where)),
    scan: (view) => scan(() => catalogue.live(view)),
    async shadow(view) {
      const { generation } = await transaction('write', () => catalogue.beginShadow(view));
      return shadowOf(view, generation);
    },
    async size() {
      return PATHS.map((name) => join(directory, name))
        .filter((path) => existsSync(path))
        .reduce((bytes, path) => bytes + statSync(path).size, 0);
    },
    async close() {
      if (closed) return;
      closed = true;
      db.close();
    },
  };
}
