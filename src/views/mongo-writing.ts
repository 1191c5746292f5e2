// Applies patches to documents that others may write at the same moment: as they were read, and on condition that they
// have seen nothing since. Who was not fast enough reads again; what has been seen by then is no change any more.

import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '../events.ts';
import type { Shape } from './definition.ts';
import { asSeen, type Filter, fieldsOf, type StoredDocument, stored } from './mongo-document.ts';
import { applyPatch } from './patch.ts';
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

/** Applies patches, those of one document in order, and resolves when all of them are there. */
export async function write(documents: Writable, patches: readonly Patch[], shape: Shape): Promise<void> {
  const byId: Group[] = [...Map.groupBy(patches, ({ id }) => id)];
  for (let i = 0; i < byId.length; i += CHUNK_DOCUMENTS) {
    await writeChunk(documents, byId.slice(i, i + CHUNK_DOCUMENTS), shape);
  }
}

async function writeChunk(documents: Writable, byId: readonly Group[], shape: Shape): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await documents.read(byId.map(([id]) => id));
    const there = new Map(found.map((document) => [document._id, document]));
    const replacements = byId
      .map(([id, patches]) => changed(id, patches, there.get(id), shape))
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
  shape: Shape,
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
  const filter = before === undefined ? undefined : asSeen(id, before.seen, shape);
  return { filter, document: stored(id, fields, inOrder(seen, shape)) };
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
