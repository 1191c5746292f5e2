// Applies patches to documents that others may write at the same moment: as they were read, and on condition that they
// have seen nothing since. Who was not fast enough reads again; what has been seen by then is no change any more.

import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '../events.ts';
import type { Shape } from './definition.ts';
import { asSeen, type Filter, fieldsOf, type StoredDocument, stored } from './mongo-document.ts';
import { applyPatch } from './patch.ts';
import { age, type Horizon, withoutPayload } from './retention.ts';
import { type Fields, type Patch, ViewsUnavailable } from './views.ts';

/** A collection, as far as it is needed here. */
export interface Writable {
  /** Those of these documents that are there. */
  read(ids: readonly string[]): Promise<StoredDocument[]>;
  /**
   * Writes documents in any order: a new one where `filter` is undefined, else in place of one that the filter meets.
   * Whether all of them were written.
   */
  replace(replacements: readonly Replacement[]): Promise<boolean>;
}

export interface Replacement {
  filter: Filter | undefined;
  document: StoredDocument;
}

/** Documents that are read and written at a time. */
const CHUNK_DOCUMENTS = 1_000;
/** How often it is tried, and by how much the pause before grows each time. */
const MAX_ROUNDS = 50;
const ROUND_PAUSE_MS = 2;

type Group = readonly [id: string, patches: readonly Patch[]];

/** What is known of a copy of a view by who writes it. */
export interface Layout {
  shape: Shape;
  horizon: Horizon;
}

/**
 * Applies patches, those of one document in order, and resolves when all of them are there. What lies before the horizon
 * is passed over.
 */
export async function write(documents: Writable, patches: readonly Patch[], layout: Layout): Promise<void> {
  const visible = patches.filter(({ id }) => id >= layout.horizon.documents);
  const byId: Group[] = [...Map.groupBy(visible, ({ id }) => id)];
  for (let i = 0; i < byId.length; i += CHUNK_DOCUMENTS) {
    await writeChunk(documents, byId.slice(i, i + CHUNK_DOCUMENTS), layout);
  }
}

async function writeChunk(documents: Writable, byId: readonly Group[], layout: Layout): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await documents.read(byId.map(([id]) => id));
    const there = new Map(found.map((document) => [document._id, document]));
    const replacements = byId
      .map(([id, patches]) => changed(id, patches, there.get(id), layout))
      .filter((replacement) => replacement !== undefined);
    if (replacements.length === 0 || (await documents.replace(replacements))) return;
    await delay(round * ROUND_PAUSE_MS);
  }
  throw new ViewsUnavailable('others write the same documents at the same moment');
}

/** What patches make of a document; undefined: it has seen them all. */
function changed(
  id: string,
  patches: readonly Patch[],
  before: StoredDocument | undefined,
  { shape, horizon }: Layout,
): Replacement | undefined {
  const fields: Fields = before === undefined ? {} : fieldsOf(before);
  const seen: Partial<Record<Topic, number>> = { ...before?.seen };
  let isChanged = false;
  for (const patch of patches) {
    const { topic, offset } = patch.cause;
    // A copy that is older than the declaration, which has a new topic: that comes in when it is rebuilt.
    if (!shape.topics.includes(topic) || offset <= (seen[topic] ?? -1)) continue;
    applyPatch(fields, patch);
    seen[topic] = offset;
    isChanged = true;
  }
  if (!isChanged) return undefined;
  age(id, fields, horizon);
  const filter = before === undefined ? undefined : asSeen(id, before.seen, shape);
  return { filter, document: stored(id, fields, inOrder(seen, shape)) };
}

/** Documents that are swept up at a time. */
const SWEPT_DOCUMENTS = 500;

/** A collection, as far as it is swept. */
export interface Sweepable extends Writable {
  /** Documents with ids greater than `after` and less than `before`, least first. */
  between(after: string, before: string, limit: number): Promise<StoredDocument[]>;
  /** Deletes the documents with ids less than `before` that come first. How many those were. */
  remove(before: string, limit: number): Promise<number>;
}

/**
 * Deletes a bounded part of what lies before the horizon; when nothing is left of that, takes payloads off the disk, of
 * documents with ids greater than `swept`. Up to which id they are off then, and whether there may be more. A payload that
 * somebody writes at the same moment who does not know of the horizon yet may stay, unseen, for as long as its document.
 */
export async function sweep(
  documents: Sweepable,
  { shape, horizon }: Layout,
  swept: string,
): Promise<{ swept: string; more: boolean }> {
  const removed = await documents.remove(horizon.documents, SWEPT_DOCUMENTS);
  if (removed === SWEPT_DOCUMENTS) return { swept, more: true };
  const found = await documents.between(swept, horizon.payloads, SWEPT_DOCUMENTS);
  const replacements = found.flatMap((before): Replacement[] => {
    const fields = fieldsOf(before);
    if (!withoutPayload(fields, horizon.payload)) return [];
    const { _id: id, seen } = before;
    return [{ filter: asSeen(id, seen, shape), document: stored(id, fields, seen) }];
  });
  // Who else has written one of them meanwhile made its payload come back, perhaps: again, next time.
  if (replacements.length > 0 && !(await documents.replace(replacements))) return { swept, more: true };
  return { swept: found.at(-1)?._id ?? swept, more: found.length === SWEPT_DOCUMENTS };
}

/** In the order of the topics, so that equal documents are equal bytes. */
function inOrder(seen: StoredDocument['seen'], { topics }: Shape): StoredDocument['seen'] {
  const ordered: StoredDocument['seen'] = {};
  for (const topic of topics) {
    const offset = seen[topic];
    if (offset !== undefined) ordered[topic] = offset;
  }
  return ordered;
}
