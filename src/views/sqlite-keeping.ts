// How the copies of views on SQLite keep their documents: the tables `keeping` and `forgotten`. The rules are in retention.ts. To
// be used within a transaction.

import type { DatabaseSync } from 'node:sqlite';
import { type Horizon, horizonOf, type Keeping, movedOn, type Retention } from './retention.ts';
import type { Table } from './sqlite-table.ts';
import type { History } from './views.ts';

/** A copy, as far as it matters here. */
interface Kept {
  view: string;
  generation: number;
  table: Pick<Table, 'sweep'>;
}

export interface Keepings {
  /** How a copy keeps its documents; undefined: a release without retention has made it. */
  of(copy: Kept): Keeping | undefined;
  begin(generation: number, keeping: Keeping): void;
  /** Events of `newestAtMs` were read; never back, and to no longer retention than `limit`. */
  moveOn(copy: Kept, newestAtMs: number, limit: Retention): void;
  horizon(copy: Kept): Horizon;
  /** For all copies of the view; never back. */
  forget(view: string, beforeMs: number): void;
  /** Frees a bounded part of what lies before the horizon. Whether there may be more. */
  sweep(copy: Kept): boolean;
  end(generation: number): void;
}

export function createKeepings(db: DatabaseSync, historyOf: (view: string) => History | undefined): Keepings {
  const read = db.prepare('SELECT newest, documents, payloads, swept FROM keeping WHERE generation = ?');
  const insert = db.prepare(
    'INSERT INTO keeping (generation, newest, documents, payloads) VALUES (?, ?, ?, ?)',
  );
  const change = db.prepare(
    'UPDATE keeping SET newest = ?, documents = ?, payloads = ? WHERE generation = ?',
  );
  const writeSwept = db.prepare('UPDATE keeping SET swept = ? WHERE generation = ?');
  const remove = db.prepare('DELETE FROM keeping WHERE generation = ?');
  const readForgotten = db.prepare('SELECT before FROM forgotten WHERE view = ?');
  const writeForgotten = db.prepare(
    'INSERT INTO forgotten VALUES (?, ?) ON CONFLICT DO UPDATE SET before = max(before, excluded.before)',
  );

  function of({ generation }: Kept): Keeping | undefined {
    const row = read.get(generation);
    if (row === undefined) return undefined;
    const { newest, documents, payloads } = row;
    return { newestMs: Number(newest), documentsMs: Number(documents), payloadsMs: Number(payloads) };
  }

  function horizon(copy: Kept): Horizon {
    const forgottenMs = Number(readForgotten.get(copy.view)?.before ?? 0);
    return horizonOf(historyOf(copy.view), of(copy), forgottenMs);
  }

  return {
    of,
    begin(generation, { newestMs, documentsMs, payloadsMs }) {
      insert.run(generation, newestMs, documentsMs, payloadsMs);
    },
    moveOn(copy, newestAtMs, limit) {
      const before = of(copy);
      if (before === undefined) return;
      const { newestMs, documentsMs, payloadsMs } = movedOn(before, newestAtMs, limit);
      if (newestMs > before.newestMs || documentsMs < before.documentsMs || payloadsMs < before.payloadsMs) {
        change.run(newestMs, documentsMs, payloadsMs, copy.generation);
      }
    },
    horizon,
    forget(view, beforeMs) {
      writeForgotten.run(view, beforeMs);
    },
    sweep(copy) {
      const before = String(read.get(copy.generation)?.swept ?? '');
      const { swept, more } = copy.table.sweep(horizon(copy), before);
      if (swept !== before) writeSwept.run(swept, copy.generation);
      return more;
    },
    end(generation) {
      remove.run(generation);
    },
  };
}
