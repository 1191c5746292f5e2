// Which generations of which views there are: the live ones, the shadows, and how far each has read the log. To be
// used within a transaction; refresh() first, as another process may have changed it.

import type { DatabaseSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import type { Position } from '../log/log.ts';
import { checkStored, foundBy, madeIndexes, type Shape, shapeOf } from './definition.ts';
import { FOR_EVER, type Keeping, newKeeping, type Retention, retentionOf } from './retention.ts';
import { createKeepings, type Keepings } from './sqlite-keeping.ts';
import { createIndexSql, createTableSql, tableName } from './sqlite-shape.ts';
import { openTable, type Table } from './sqlite-table.ts';
import {
  RebuildRuns,
  type ViewDefinition,
  type ViewIndex,
  type ViewPositions,
  ViewsUnavailable,
} from './views.ts';

/** One copy of a view. Generations are numbered through all views, and no number comes back. */
export interface Generation {
  view: string;
  generation: number;
  shape: Shape;
  /** By which it finds documents. */
  indexes: readonly ViewIndex[];
  table: Table;
}

export interface Catalogue {
  /** How the generations keep their documents. */
  keepings: Keepings;
  /** Takes in what other processes have changed. */
  refresh(): void;
  /** Forgets what a transaction that was rolled back had changed. */
  reset(): void;
  /** Whether all declared views are there. Throws ViewsRefused if one was made by a newer release. */
  isComplete(): boolean;
  /** Makes the declared views that are not there. */
  install(): void;
  /** Throws when no such view is declared. */
  definition(view: string): ViewDefinition;
  /** For how long the view keeps its documents. */
  retention(view: string): Retention;
  /** Whether a live generation was made by the declared version, and leaves out of its indexes what is declared to be left out. */
  isAsDeclared(generation: Generation): boolean;
  /** The live generation of a view. Throws when no such view is declared. */
  live(view: string): Generation;
  /** The live generations of all views. */
  all(): readonly Generation[];
  positions(generation: Generation): ViewPositions;
  /** Moves the positions of a generation on, never back. Those of topics it is not made from are passed over. */
  advance(generation: Generation, positions: readonly Position[]): void;
  /** A new and empty shadow of a view, without indexes; one whose maker is dead is dropped. Throws RebuildRuns. */
  beginShadow(view: string, options: { deadAfterMs: number; likeLive: boolean }): Generation;
  /** Makes one of the indexes that a generation lacks. False: it has them all. */
  addIndex(generation: Generation): boolean;
  /** Throws ViewsUnavailable if the shadow is none any more: a newer one has been begun, or it has been ended. */
  checkShadow(shadow: Generation): void;
  /** Notes that the maker of the shadow lives. */
  hear(shadow: Generation): void;
  dropShadow(shadow: Generation): void;
  /** The shadow becomes the live generation, of the declared version, and what was live goes. */
  promote(shadow: Generation): void;
}

export function createCatalogue(
  db: DatabaseSync,
  definitions: readonly ViewDefinition[],
  retention: Retention,
): Catalogue {
  const declared = new Map(definitions.map((definition) => [definition.name, definition]));
  const dataVersion = db.prepare('PRAGMA data_version');
  const readViews = db.prepare('SELECT view, generation, shape FROM views');
  const readView = db.prepare('SELECT version, shape FROM views WHERE view = ?');
  const writeView = db.prepare('INSERT OR REPLACE INTO views VALUES (?, ?, ?, ?)');
  const readShadow = db.prepare('SELECT generation, heard FROM shadows WHERE view = ?');
  const hearOfShadow = db.prepare('UPDATE shadows SET heard = ? WHERE view = ? AND generation = ?');
  const deleteShadow = db.prepare('DELETE FROM shadows WHERE view = ?');
  const readIndex = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?");
  const readPositions = db.prepare('SELECT topic, partition, next FROM positions WHERE generation = ?');
  const deletePositions = db.prepare('DELETE FROM positions WHERE generation = ?');
  const movePosition = db.prepare(
    `INSERT INTO positions VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET next = excluded.next WHERE excluded.next > next`,
  );
  const keepings = createKeepings(db, (view) => definitionOf(view).history);
  let live = new Map<string, Generation>();
  /** SQLite's count of what other connections have committed, as of the last reload. */
  let seenVersion: unknown;

  function reload(): void {
    const known = live;
    live = new Map();
    for (const row of readViews.all()) {
      const view = String(row.view);
      if (!declared.has(view)) continue;
      const generation = Number(row.generation);
      const has = known.get(view);
      live.set(
        view,
        has?.generation === generation ? has : open(view, generation, JSON.parse(String(row.shape))),
      );
    }
  }

  function open(view: string, generation: number, shape: Shape): Generation {
    const { usual = {} } = definitionOf(view);
    const made = indexesOf(view, shape);
    const table = openTable(db, tableName(view, generation), { shape, usual, indexes: made });
    return { view, generation, shape, indexes: made.flatMap(foundBy), table };
  }

  /** Those of a copy, which may have been declared otherwise. */
  function indexesOf(view: string, shape: Shape): ViewIndex[] {
    const { sparse = [], usual = {} } = definitionOf(view);
    return madeIndexes({ ...shape, sparse, usual });
  }

  function addGeneration(definition: ViewDefinition, keeping: Keeping): Generation {
    const { name } = definition;
    const row = db.prepare('UPDATE generations SET last = last + 1 RETURNING last').get();
    const generation = Number(row?.last);
    db.exec(createTableSql(tableName(name, generation), shapeOf(definition)));
    keepings.begin(generation, keeping);
    return open(name, generation, shapeOf(definition));
  }

  function addIndex(generation: Generation): boolean {
    const [, sql] = indexSqlOf(generation).find(([name]) => readIndex.get(name) === undefined) ?? [];
    if (sql !== undefined) db.exec(sql);
    return sql !== undefined;
  }

  /** The SQL of the indexes of a copy, by their names. */
  function indexSqlOf({ view, generation, shape }: Generation) {
    const { sparse } = definitionOf(view);
    return createIndexSql(tableName(view, generation), indexesOf(view, shape), sparse);
  }

  function isAsDeclared(generation: Generation): boolean {
    const { version } = definitionOf(generation.view);
    if (Number(readView.get(generation.view)?.version) < version) return false;
    return indexSqlOf(generation).every(([name, sql]) => readIndex.get(name)?.sql === sql);
  }

  function dropGeneration(view: string, generation: number): void {
    db.exec(`DROP TABLE ${tableName(view, generation)}`);
    deletePositions.run(generation);
    keepings.end(generation);
  }

  function definitionOf(view: string): ViewDefinition {
    const definition = declared.get(view);
    if (definition === undefined) throw new Error(`there is no view ${view}`);
    return definition;
  }

  function retentionOfView(view: string): Retention {
    return retentionOf(definitionOf(view).history, retention);
  }

  function liveOf(view: string): Generation {
    const generation = live.get(definitionOf(view).name);
    if (generation === undefined) throw new Error(`the view ${view} has no table`);
    return generation;
  }

  function makeLive(generation: Generation): void {
    const { view, generation: number, shape } = generation;
    writeView.run(view, number, definitionOf(view).version, JSON.stringify(shape));
    live.set(view, generation);
  }

  return {
    keepings,
    refresh() {
      const now = dataVersion.get()?.data_version;
      if (now === seenVersion) return;
      reload();
      seenVersion = now;
    },
    reset() {
      seenVersion = undefined;
    },
    isComplete() {
      let complete = true;
      for (const definition of definitions) {
        const stored = readView.get(definition.name);
        if (stored === undefined) complete = false;
        else checkStored(definition, { version: Number(stored.version), shape: String(stored.shape) });
      }
      return complete;
    },
    install() {
      for (const definition of definitions) {
        if (readView.get(definition.name) !== undefined) continue;
        const generation = addGeneration(definition, newKeeping(retentionOfView(definition.name)));
        while (addIndex(generation));
        makeLive(generation);
      }
    },
    definition: definitionOf,
    retention: retentionOfView,
    isAsDeclared,
    live: liveOf,
    all: () => [...live.values()],
    positions({ generation }) {
      const positions: Partial<Record<Topic, Record<number, number>>> = {};
      for (const { topic, partition, next } of readPositions.all(generation)) {
        const offsets = positions[topic as Topic] ?? {};
        offsets[Number(partition)] = Number(next);
        positions[topic as Topic] = offsets;
      }
      return positions;
    },
    advance({ generation, shape }, positions) {
      for (const { topic, partition, offset } of positions) {
        if (shape.topics.includes(topic)) movePosition.run(generation, topic, partition, offset);
      }
    },
    beginShadow(view, { deadAfterMs, likeLive }) {
      const definition = definitionOf(view);
      const left = readShadow.get(view);
      if (left !== undefined) {
        // What lies ahead is of before the clock was set back.
        const silentMs = Math.abs(Date.now() - Number(left.heard));
        if (silentMs < deadAfterMs) throw new RebuildRuns(view, silentMs);
        dropGeneration(view, Number(left.generation));
        deleteShadow.run(view);
      }
      const ofLive = keepings.of(liveOf(view));
      const { newestMs } = ofLive ?? { newestMs: 0 };
      const shadow = addGeneration(
        definition,
        newKeeping(likeLive ? (ofLive ?? FOR_EVER) : retentionOfView(view), newestMs),
      );
      db.prepare('INSERT INTO shadows VALUES (?, ?, ?)').run(view, shadow.generation, Date.now());
      return shadow;
    },
    addIndex,
    checkShadow({ view, generation }) {
      if (readShadow.get(view)?.generation !== generation) {
        throw new ViewsUnavailable(`another rebuild of ${view} has begun, or this one has ended`);
      }
    },
    hear({ view, generation }) {
      hearOfShadow.run(Date.now(), view, generation);
    },
    dropShadow({ view, generation }) {
      dropGeneration(view, generation);
      deleteShadow.run(view);
    },
    promote(shadow) {
      const { view } = shadow;
      dropGeneration(view, liveOf(view).generation);
      deleteShadow.run(view);
      makeLive(shadow);
    },
  };
}
