// Which generations of which views there are: the live ones, the shadows, and how far each has read the log. To be
// used within a transaction; refresh() first, as another process may have changed it.

import type { DatabaseSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import type { Position } from '../log/log.ts';
import { createTable, openTable, type Table, type TableShape, tableName } from './sqlite-table.ts';
import { type ViewDefinition, type ViewPositions, ViewsRefused, ViewsUnavailable } from './views.ts';

/** One copy of a view. Generations are numbered through all views. */
export interface Generation {
  view: string;
  generation: number;
  shape: TableShape;
  table: Table;
}

export interface Catalogue {
  /** Takes in what other processes have changed. */
  refresh(): void;
  /** Forgets what a transaction that was rolled back had changed. */
  reset(): void;
  /** The live generation of a view. Throws when no such view is declared. */
  live(view: string): Generation;
  /** The live generations of all views. */
  all(): readonly Generation[];
  positions(generation: Generation): ViewPositions;
  /** Moves the positions of a generation on, never back. Those of topics it is not made from are passed over. */
  advance(generation: Generation, positions: readonly Position[]): void;
  /** A new and empty shadow of a view; one that is there is dropped. */
  beginShadow(view: string): Generation;
  /** The shadow with this number. Throws ViewsUnavailable if a newer one has taken its place. */
  shadow(view: string, generation: number): Generation;
  dropShadow(shadow: Generation): void;
  /** The shadow becomes the live generation, and what was live goes. */
  promote(shadow: Generation): void;
}

export function createCatalogue(db: DatabaseSync, definitions: readonly ViewDefinition[]): Catalogue {
  const declared = new Map(definitions.map((definition) => [definition.name, definition]));
  const dataVersion = db.prepare('PRAGMA data_version');
  const rows = db.prepare('SELECT view, generation, shape FROM views');
  const move = db.prepare(
    `INSERT INTO positions VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET next = excluded.next WHERE excluded.next > next`,
  );
  const readPositions = db.prepare('SELECT topic, partition, next FROM positions WHERE generation = ?');
  const shadowRow = db.prepare('SELECT generation FROM shadows WHERE view = ? AND generation = ?');
  let live = new Map<string, Generation>();
  const shadows = new Map<number, Generation>();
  let seenVersion: number | undefined;

  db.exec('BEGIN IMMEDIATE');
  try {
    for (const definition of definitions) install(definition);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    db.close();
    throw error;
  }
  reload();

  /** Makes a view that is not there yet. One of an older version is kept, and serves, until it has been rebuilt. */
  function install(definition: ViewDefinition): void {
    const { name, version } = definition;
    const shape = JSON.stringify(shapeOf(definition));
    const row = db.prepare('SELECT version, shape FROM views WHERE view = ?').get(name);
    if (row === undefined) {
      const generation = addGeneration(definition);
      db.prepare('INSERT INTO views VALUES (?, ?, ?, ?)').run(name, generation, version, shape);
    } else if (Number(row.version) > version) {
      throw new ViewsRefused(
        `views.db was made by a newer release of Hooklane; delete it, and it is made anew`,
      );
    } else if (row.version === version && row.shape !== shape) {
      throw new Error(`the view ${name} has changed, but not its version`);
    }
  }

  function addGeneration(definition: ViewDefinition): number {
    const row = db.prepare('UPDATE generations SET last = last + 1 RETURNING last').get();
    const generation = Number(row?.last);
    createTable(db, tableName(definition.name, generation), shapeOf(definition));
    return generation;
  }

  function open(view: string, generation: number, shape: TableShape): Generation {
    return { view, generation, shape, table: openTable(db, tableName(view, generation), shape) };
  }

  function reload(): void {
    const known = new Map([...live.values()].map((generation) => [generation.generation, generation]));
    live = new Map();
    for (const row of rows.all()) {
      const view = String(row.view);
      const number = Number(row.generation);
      if (!declared.has(view)) continue;
      live.set(view, known.get(number) ?? open(view, number, JSON.parse(String(row.shape))));
    }
  }

  function definitionOf(view: string): ViewDefinition {
    const definition = declared.get(view);
    if (definition === undefined) throw new Error(`there is no view ${view}`);
    return definition;
  }

  function liveOf(view: string): Generation {
    const generation = live.get(definitionOf(view).name);
    if (generation === undefined) throw new Error(`the view ${view} has no table`);
    return generation;
  }

  function dropTable(view: string, generation: number): void {
    db.exec(`DROP TABLE ${tableName(view, generation)}`);
    db.prepare('DELETE FROM positions WHERE generation = ?').run(generation);
  }

  return {
    refresh() {
      const now = Number(dataVersion.get()?.data_version);
      if (now === seenVersion) return;
      seenVersion = now;
      reload();
    },
    reset() {
      seenVersion = undefined;
      live = new Map();
    },
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
        if (shape.topics.includes(topic)) move.run(generation, topic, partition, offset);
      }
    },
    beginShadow(view) {
      const definition = definitionOf(view);
      const left = db.prepare('DELETE FROM shadows WHERE view = ? RETURNING generation').get(view);
      if (left !== undefined) dropTable(view, Number(left.generation));
      const generation = addGeneration(definition);
      db.prepare('INSERT INTO shadows VALUES (?, ?)').run(view, generation);
      const shadow = open(view, generation, shapeOf(definition));
      shadows.set(generation, shadow);
      return shadow;
    },
    shadow(view, generation) {
      const shadow = shadows.get(generation);
      if (shadow === undefined || shadowRow.get(view, generation) === undefined) {
        throw new ViewsUnavailable(`another rebuild of ${view} has begun, or this one has ended`);
      }
      return shadow;
    },
    dropShadow({ view, generation }) {
      dropTable(view, generation);
      db.prepare('DELETE FROM shadows WHERE view = ?').run(view);
      shadows.delete(generation);
    },
    promote(shadow) {
      const { view, generation, shape } = shadow;
      dropTable(view, liveOf(view).generation);
      db.prepare('DELETE FROM shadows WHERE view = ?').run(view);
      db.prepare('UPDATE views SET generation = ?, version = ?, shape = ? WHERE view = ?').run(
        generation,
        definitionOf(view).version,
        JSON.stringify(shape),
        view,
      );
      shadows.delete(generation);
      live.set(view, shadow);
    },
  };
}

function shapeOf({ topics, indexes }: ViewDefinition): TableShape {
  return { topics, indexes };
}
