// Rebuilding views from the log, beside the live ones; and comparing a rebuilt one with it. Only reads the log, so it
// sends nothing.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Topic } from '../events.ts';
import type { Batch, Log, Offsets } from '../log/log.ts';
import { canonicalJson } from '../views/patch.ts';
import { type Document, type Shadow, type ViewPositions, type Views, ViewsRefused } from '../views/views.ts';
import { type Compared, type Comparison, compareDocuments, type Scanned } from './compare.ts';
import { readInStep } from './in-step.ts';
import { leastOf, projectBatches, topicsOf } from './project.ts';
import { eventTypesOf, type Projection } from './projection.ts';

/** A view that is being made. */
interface Copy {
  projection: Projection;
  shadow: Shadow;
  /** That were read, or read past. */
  events: number;
}

interface Stores {
  log: Log;
  views: Views;
  /** Called once it has begun, and after each batch: events done, of how many as known so far. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Rebuilds a view and puts it in the place of the live one. Resolves to how many events of its topics were read, or read past. */
export async function rebuild(
  projection: Projection,
  { onProgress, ...stores }: Stores,
): Promise<{ events: number }> {
  const [events = 0] = await rebuildTogether([projection], {
    ...stores,
    onProgress: (_, done, total) => onProgress?.(done, total),
  });
  return { events };
}

interface TogetherStores extends Omit<Stores, 'onProgress'> {
  /** Of which view, and as in Stores. */
  onProgress?: (view: string, done: number, total: number) => void;
  /** A rebuilt view has taken the place of the live one. */
  onRebuilt?: (view: string, events: number) => void;
}

/**
 * Rebuilds views beside each other: the log is read, and its events decoded, once for all of them. Each takes the place of the
 * live one when it has read as far. Resolves to the events of each, as rebuild() does. When it rejects, the views of which
 * onRebuilt() was not called are as they were.
 */
export async function rebuildTogether(
  projections: readonly Projection[],
  { onRebuilt, ...stores }: TogetherStores,
): Promise<number[]> {
  const all: Copy[] = [];
  let waiting: Copy[] = all;
  try {
    for (const projection of projections) {
      const shadow = await stores.views.shadow(projection.definition.name, { likeLive: false });
      all.push({ projection, shadow, events: 0 });
    }
    while (waiting.length > 0) {
      await catchUp(waiting, stores);
      // A live view goes on reading: its shadow takes its place once it has read at least as far.
      const behind: Copy[] = [];
      for (const copy of waiting) {
        if (await copy.shadow.swap()) onRebuilt?.(copy.projection.definition.name, copy.events);
        else behind.push(copy);
      }
      waiting = behind;
    }
  } catch (error) {
    await drop(waiting);
    throw error;
  }
  return all.map(({ events }) => events);
}

/** What is live lags behind the log by about so much while it is kept up. */
const LAG_PAUSE_MS = 50;
/** Events that are read, and applied, at a time: the more, the fewer pages of indexes are written again and again. */
const BATCH_EVENTS = 5_000;

/** Rebuilds a view aside and compares it with the live one, document by document; changes nothing. */
export async function compare(projection: Projection, stores: Stores): Promise<Comparison> {
  const view = projection.definition.name;
  const shadow = await stores.views.shadow(view, { likeLive: true });
  const copies = [{ projection, shadow, events: 0 }];
  const { onProgress } = stores;
  const told = {
    ...stores,
    onProgress: (_: string, done: number, total: number) => onProgress?.(done, total),
  };
  const ended = async ({ documents, differences, examples }: Compared): Promise<Comparison> => {
    await shadow.drop();
    return { documents, differences, examples };
  };
  /** The whole comparison, where the live view was written to meanwhile: which may be why there are differences. */
  let doubtful: Compared | undefined;
  try {
    for (;;) {
      await catchUp(copies, told);
      const before = await stores.views.positions(view);
      const isStill = async () => equalPositions(before, await stores.views.positions(view));
      if (!equalPositions(before, await shadow.positions())) {
        await delay(LAG_PAUSE_MS);
        continue;
      }
      if (doubtful === undefined) {
        const compared = await compareDocuments(stores.views.scan(view), shadow.scan(), stores.signal);
        if (compared.differences === 0 || (await isStill())) return await ended(compared);
        if (compared.differences === compared.ids.length) doubtful = compared;
        continue;
      }
      // Few are read at once, so that it is still for so long. What was rebuilt is, until we read on.
      const { documents, ids } = doubtful;
      const live = await Promise.all(ids.map((id) => stores.views.get(view, id)));
      if (!(await isStill())) continue;
      const compared = await compareDocuments(
        inOne(live),
        onlyOf(shadow.scan(), new Set(ids)),
        stores.signal,
      );
      return await ended({ ...compared, documents });
    }
  } catch (error) {
    await drop(copies);
    throw error;
  }
}

async function* inOne(documents: readonly (Document | undefined)[]): AsyncGenerator<Scanned[]> {
  yield documents.flatMap((document) => (document === undefined ? [] : [{ document }]));
}

async function* onlyOf(
  batches: AsyncIterable<Scanned[]>,
  ids: ReadonlySet<string>,
): AsyncGenerator<Scanned[]> {
  for await (const batch of batches) yield batch.filter(({ document: { id } }) => ids.has(id));
}

/** The error that brought us here is the one to tell; a shadow left behind goes when the next one begins. */
async function drop(copies: readonly Copy[]): Promise<void> {
  for (const { shadow } of copies) await shadow.drop().catch(() => {});
}

/** What a copy has to read. */
interface Course {
  copy: Copy;
  /** From where on; moves with it. */
  offsets: Partial<Record<Topic, Record<number, number>>>;
  total: number;
}

/**
 * Reads on to the log's end as it is now, and counts how many events that were. Throws ViewsRefused when a live view is ahead of
 * the log.
 */
async function catchUp(
  copies: readonly Copy[],
  { log, views, onProgress, signal }: Omit<TogetherStores, 'onRebuilt'>,
): Promise<void> {
  // SQLite answers at once: rounds that find nothing to read must not keep everything else, abort() too, from running.
  await nextTurn();
  signal?.throwIfAborted();
  const courses: Course[] = [];
  for (const copy of copies) courses.push(await courseOf(copy, { log, views }));
  const tell = ({ copy: { projection, events }, total }: Course) =>
    onProgress?.(projection.definition.name, events, Math.max(total, events));
  for (const course of courses) tell(course);
  const projections = copies.map(({ projection }) => projection);
  const topics = topicsOf(projections);
  // By the newest event of all, of whatever type, a history lets go of what is old.
  const hasHistory = projections.some(({ definition }) => definition.history !== undefined);
  const types = hasHistory ? {} : { types: projections.flatMap(eventTypesOf) };
  const from: Partial<Record<Topic, Offsets>> = {};
  for (const topic of topics) {
    const readers = courses.filter(({ copy }) => copy.projection.definition.topics.includes(topic));
    from[topic] = leastOf(readers.map(({ offsets }) => offsets[topic] ?? {}));
  }
  for await (const batches of readInStep(log, from, { topics, ...types, atLeast: BATCH_EVENTS })) {
    signal?.throwIfAborted();
    const { patches, positions, newestAtMs = {} } = projectBatches(projections, batches);
    const byView = Map.groupBy(patches, ({ view }) => view);
    for (const course of courses) {
      const { name } = course.copy.projection.definition;
      await course.copy.shadow.apply({ patches: byView.get(name) ?? [], positions, newestAtMs });
      move(course, batches);
      tell(course);
    }
  }
  signal?.throwIfAborted();
}

/** Throws ViewsRefused when the live view is ahead of the log. */
async function courseOf(copy: Copy, { log, views }: Pick<Stores, 'log' | 'views'>): Promise<Course> {
  const { name, topics } = copy.projection.definition;
  const positions = await copy.shadow.positions();
  const live = await views.positions(name);
  const offsets: Course['offsets'] = {};
  let total = copy.events;
  for (const topic of topics) {
    const ends = await log.ends(topic);
    // Asked for after the positions, so it can only be less in another log. The shadow would never get as far.
    if (
      Object.entries(live[topic] ?? {}).some(([partition, next]) => next > (ends[Number(partition)] ?? 0))
    ) {
      throw new ViewsRefused(
        `the read models have read further than the log goes: they were made from another one. Delete them: they are rebuilt from the log`,
      );
    }
    total += ends.reduce((sum, end, partition) => sum + end - (positions[topic]?.[partition] ?? 0), 0);
    offsets[topic] = { ...positions[topic] };
  }
  return { copy, offsets, total };
}

/** Counts what its copy has taken in with these batches. */
function move({ copy, offsets }: Course, batches: readonly Batch<Topic>[]): void {
  for (const { topic, partition, next } of batches) {
    const ofTopic = offsets[topic];
    if (ofTopic === undefined) continue;
    const before = ofTopic[partition] ?? 0;
    copy.events += Math.max(0, next - before);
    ofTopic[partition] = Math.max(before, next);
  }
}

function equalPositions(a: ViewPositions, b: ViewPositions): boolean {
  return (
    canonicalJson(a as Record<string, Record<string, number>>) ===
    canonicalJson(b as Record<string, Record<string, number>>)
  );
}
