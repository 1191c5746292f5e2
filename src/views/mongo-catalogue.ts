// Which copies of a view there are, and how far each has read the log: one document a view in collection `views`, so
// that a rebuilt view takes the live one's place, with its positions, by one change of one document. What a change is
// based on stands in its condition: whoever comes second finds that it is not met, and looks again. Pure.

import type { Topic } from '../events.ts';
import type { Position } from '../log/log.ts';
import { hasReached, newestFor, type Shape, shapeOf } from './definition.ts';
import { FOR_EVER, type Keeping, movedOn, newKeeping, type Retention } from './retention.ts';
import {
  RebuildRuns,
  type ViewBatch,
  type ViewDefinition,
  type ViewPositions,
  ViewsRefused,
  ViewsUnavailable,
} from './views.ts';

/** By topic, by partition (`p0`): the offset to be read next. A key that is a number would lose its place. */
export type StoredPositions = Partial<Record<Topic, Record<string, number>>>;

/** One copy of a view. Generations of a view are numbered, and no number comes back. */
export interface Generation {
  generation: number;
  version: number;
  /** As JSON. */
  shape: string;
  positions: StoredPositions;
  /** How it keeps its documents; missing: a release without retention has made it. */
  keeping?: Keeping | undefined;
  /** Up to this id payloads before the horizon are off the disk. */
  swept?: string;
}

/** A copy, and before which time it is to forget everything. */
export type Forgetting = Generation & Pick<CatalogueEntry, 'forgottenMs'>;

export interface CatalogueEntry extends Generation {
  /** The view. */
  _id: string;
  lastGeneration: number;
  /** What was made before this time is to be forgotten, in every copy; missing: nothing is. */
  forgottenMs?: number;
  /** Counts the changes. */
  revision: number;
  /** `heardAtMs`: when its maker was last heard of; missing: before 0.2. */
  shadow: (Generation & { heardAtMs?: number }) | null;
}

export function newGeneration(generation: number, definition: ViewDefinition, keeping: Keeping): Generation {
  const shape = JSON.stringify(shapeOf(definition));
  return { generation, version: definition.version, shape, positions: {}, keeping, swept: '' };
}

export function newEntry(view: string, first: Generation): CatalogueEntry {
  return { _id: view, ...first, lastGeneration: first.generation, revision: 0, shadow: null };
}

/** The shadow that comes next. Throws RebuildRuns while the maker of the one that is there lives. */
export function nextShadow(
  { _id: view, lastGeneration, shadow, keeping }: CatalogueEntry,
  definition: ViewDefinition,
  {
    nowMs,
    deadAfterMs,
    retention,
  }: { nowMs: number; deadAfterMs: number; retention: Retention | 'like live' },
): NonNullable<CatalogueEntry['shadow']> {
  // What lies ahead is of before the clock was set back.
  const silentMs = Math.abs(nowMs - (shadow?.heardAtMs ?? 0));
  if (shadow !== null && silentMs < deadAfterMs) throw new RebuildRuns(view, silentMs);
  const wanted = retention === 'like live' ? (keeping ?? FOR_EVER) : retention;
  const next = newGeneration(lastGeneration + 1, definition, newKeeping(wanted, keeping?.newestMs));
  return { ...next, heardAtMs: nowMs };
}

/**
 * Throws where a process that has left a view as `left` must not go on in what it finds now: ViewsUnavailable in one of a newer
 * release, ViewsRefused in one that has read less, as it was made anew after the store was lost.
 */
export function ensureGoesOn(
  found: CatalogueEntry,
  left: CatalogueEntry | undefined,
  { name, version }: ViewDefinition,
): void {
  if (found.version > version)
    throw new ViewsUnavailable(
      `the view ${name} has been rebuilt by a newer release: it is for that to go on`,
    );
  // Of the same copy what is remembered may be older, as questions that were slow remember it, too.
  if (left === undefined || found.generation === left.generation) return;
  if (!hasReached(positionsIn(found), positionsIn(left), shapeIn(found)))
    throw new ViewsRefused(`the view ${name} was lost and has been made anew: start again`);
}

export function collectionName(view: string, generation: number): string {
  return `${view}_${generation}`;
}

/** The view and the number of a generation's collection; undefined: it is none. */
export function generationIn(collection: string): { view: string; generation: number } | undefined {
  const [, view, generation] = /^([A-Za-z][A-Za-z0-9]*)_(\d+)$/.exec(collection) ?? [];
  return view === undefined ? undefined : { view, generation: Number(generation) };
}

export function shapeIn({ shape }: Generation): Shape {
  return JSON.parse(shape);
}

export function positionsIn({ positions }: Generation): ViewPositions {
  const result: Partial<Record<Topic, Record<number, number>>> = {};
  for (const [topic, offsets] of Object.entries(positions)) {
    const entries = Object.entries(offsets).map(([partition, next]) => [Number(partition.slice(1)), next]);
    result[topic as Topic] = Object.fromEntries(entries);
  }
  return result;
}

/** How a copy keeps its documents after a batch, and under a retention that is no longer than `limit`. */
export function keepingAfter(
  generation: Generation,
  batch: ViewBatch,
  limit: Retention,
): Keeping | undefined {
  const { keeping } = generation;
  if (keeping === undefined) return undefined;
  return movedOn(keeping, newestFor(shapeIn(generation), batch), limit);
}

/**
 * The change that moves positions on, and how documents are kept: never back, whatever others have moved meanwhile.
 * Positions of topics it is not made from are passed over.
 */
export function advance(
  positions: readonly Position[],
  { topics }: Shape,
  { keeping, at }: { keeping: Keeping | undefined; at: '' | 'shadow.' },
) {
  const max: Record<string, number> = {};
  const min: Record<string, number> = {};
  for (const { topic, partition, offset } of positions) {
    if (!topics.includes(topic)) continue;
    const path = `${at}positions.${topic}.p${partition}`;
    max[path] = Math.max(max[path] ?? 0, offset);
  }
  if (keeping !== undefined) {
    max[`${at}keeping.newestMs`] = keeping.newestMs;
    min[`${at}keeping.documentsMs`] = keeping.documentsMs;
    min[`${at}keeping.payloadsMs`] = keeping.payloadsMs;
  }
  const moves = { ...(isEmpty(max) ? {} : { $max: max }), ...(isEmpty(min) ? {} : { $min: min }) };
  return { ...moves, $inc: { revision: 1 } };
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
