// The store of read models on SQLite: one file, views.db, in the data directory. It may lag behind the log and may
// be deleted, as it comes back from the log; so it is synced only now and then (synchronous=NORMAL).
//
// A view is a table, the live generation; the table `views` says which. Whoever reads or writes looks there within
// the same transaction, so that a view that was rebuilt by another process is seen at once. Of two shadows of one
// view the later one wins: every further call on the earlier one rejects with ViewsUnavailable.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkCauses, checkDefinitions, newestFor } from './definition.ts';
import { FOR_EVER, type Horizon, keepsTooLittle, type Retention } from './retention.ts';
import { createCatalogue, type Generation } from './sqlite-catalogue.ts';
import { openSqliteClaims } from './sqlite-claims.ts';
import { asUnavailable, FILES, openViewsFile, whileOpening } from './sqlite-file.ts';
import { createShadows } from './sqlite-shadow.ts';
import type { Table } from './sqlite-table.ts';
import {
  DEAD_AFTER_MS,
  type Patch,
  type ScannedDocument,
  type ViewBatch,
  type ViewDefinition,
  type Views,
  ViewsUnavailable,
} from './views.ts';

export interface SqliteViewsOptions {
  /** The data directory. */
  directory: string;
  definitions: readonly ViewDefinition[];
  /** Default: for ever. */
  retention?: Retention;
}

/** Documents that are read at a time by scan(). */
const SCAN_DOCUMENTS = 500;

/**
 * Opens the read models of a data directory, and makes those that are not there. Throws ViewsRefused,
 * ViewsUnavailable, and for a declaration that cannot be, which is a bug, an Error.
 */
export function openSqliteViews({ directory, definitions, retention = FOR_EVER }: SqliteViewsOptions): Views {
  checkDefinitions(definitions);
  const db = openViewsFile(directory);
  const claims = openClaims();
  const catalogue = createCatalogue(db, definitions, retention);
  const { keepings } = catalogue;
  const begin = { read: db.prepare('BEGIN'), write: db.prepare('BEGIN IMMEDIATE') };
  const commit = db.prepare('COMMIT');
  let closed = false;

  /** Runs `work` in one transaction, in which the catalogue is what it is on disk. */
  function inTransaction<T>(kind: 'read' | 'write', work: () => T): T {
    try {
      begin[kind].run();
      catalogue.refresh();
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      catalogue.reset();
      throw error;
    }
  }

  /** As inTransaction(), with errors that a caller can act on. */
  function transaction<T>(kind: 'read' | 'write', work: () => T): T {
    if (closed) throw new ViewsUnavailable('the read models are closed');
    try {
      return inTransaction(kind, work);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** Applies the batch to the live copy of each view; what is kept for longer than the view's retention is so no more. */
  function applyToAll(batch: ViewBatch): void {
    const { patches, positions } = batch;
    const byView = Map.groupBy(patches, ({ view }: Patch) => view);
    checkCauses(patches, catalogue.definition);
    for (const generation of catalogue.all()) {
      const { view, shape } = generation;
      keepings.moveOn(generation, newestFor(shape, batch), catalogue.retention(view));
      generation.table.apply(byView.get(view) ?? [], keepings.horizon(generation));
      catalogue.advance(generation, positions);
    }
  }

  /** Asks the live view. */
  function ask<T>(view: string, asked: (table: Table, horizon: Horizon) => T): T {
    return transaction('read', () => {
      const generation = catalogue.live(view);
      return asked(generation.table, keepings.horizon(generation));
    });
  }

  /** No snapshot: a view that is written, or replaced, meanwhile is read on as it then is. */
  async function* scan(generation: () => Generation): AsyncGenerator<ScannedDocument[]> {
    for (let last: string | undefined = ''; last !== undefined; ) {
      const after: string = last;
      const documents = transaction('read', () => {
        const from = generation();
        return from.table.scan(after, SCAN_DOCUMENTS, keepings.horizon(from));
      });
      if (documents.length > 0) yield documents;
      last = documents.length < SCAN_DOCUMENTS ? undefined : documents.at(-1)?.document.id;
      await nextTurn();
    }
  }

  const beginShadow = createShadows({ catalogue, transaction, scan });

  function openClaims() {
    try {
      return openSqliteClaims(directory);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  try {
    const complete = inTransaction('read', () => catalogue.isComplete());
    if (!complete) inTransaction('write', () => catalogue.install());
  } catch (error) {
    claims.close();
    db.close();
    throw whileOpening(error);
  }
  return {
    apply: async (batch) => transaction('write', () => applyToAll(batch)),
    positions: async (view) => transaction('read', () => catalogue.positions(catalogue.live(view))),
    indexes: (view) => catalogue.live(view).indexes,
    get: async (view, id) => ask(view, (table, horizon) => table.get(id, horizon)),
    find: async (view, query) => ask(view, (table, horizon) => table.find(query, horizon)),
    first: async (view, where = []) => ask(view, (table, horizon) => table.first(where, horizon)),
    count: async (view, where = [], atMost) =>
      ask(view, (table, horizon) => table.count(where, horizon, atMost)),
    scan: (view) => scan(() => catalogue.live(view)),
    shadow: async (view, { deadAfterMs = DEAD_AFTER_MS, likeLive = false } = {}) =>
      beginShadow(view, { deadAfterMs, likeLive }),
    isOutdated: async (view) =>
      transaction('read', () => {
        const live = catalogue.live(view);
        if (!catalogue.isAsDeclared(live)) return true;
        const { history } = catalogue.definition(view);
        return history !== undefined && keepsTooLittle(keepings.of(live), catalogue.retention(view));
      }),
    sweep: async (view) =>
      transaction('write', () => {
        const generation = catalogue.live(view);
        keepings.moveOn(generation, 0, catalogue.retention(view));
        return keepings.sweep(generation);
      }),
    claims,
    forget: async (view, beforeMs) =>
      transaction('write', () => keepings.forget(catalogue.definition(view).name, beforeMs)),
    async size() {
      const sizes = FILES.map(
        (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
      );
      return sizes.reduce((sum, bytes) => sum + bytes, 0);
    },
    async close() {
      if (closed) return;
      closed = true;
      claims.close();
      db.close();
    },
  };
}
