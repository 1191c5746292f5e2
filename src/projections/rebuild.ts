// Rebuilding a view from the log, beside the live one; and comparing a rebuilt one with it. Only reads the log, so it
// sends nothing.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../log/log.ts';
import { canonicalJson } from '../views/patch.ts';
import {
  type ScannedDocument,
  type Shadow,
  type ViewPositions,
  type Views,
  ViewsRefused,
} from '../views/views.ts';
import { readInStep } from './in-step.ts';
import { projectBatches } from './project.ts';
import { eventTypesOf, type Projection } from './projection.ts';

interface Stores {
  log: Log;
  views: Views;
  /** Called once it has begun, and after each batch: events done, of how many as known so far. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Rebuilds a view and puts it in the place of the live one. Resolves to how many events of its topics were read, or read past. */
export async function rebuild(projection: Projection, stores: Stores): Promise<{ events: number }> {
  return withShadow(projection, { ...stores, likeLive: false }, async (shadow) => {
    let events = 0;
    // The live view goes on reading: the shadow takes its place once it has read at least as far.
    do events += await catchUp(projection, shadow, stores, events);
    while (!(await shadow.swap()));
    return { events };
  });
}

/** How a rebuilt view differs from the live one. */
export interface Comparison {
  documents: number;
  differences: number;
  /** The first ones. */
  examples: Example[];
}

/** A document that differs: what is live and what was rebuilt, long texts from where they differ; undefined: there is none. */
export interface Example {
  id: string;
  live: string | undefined;
  rebuilt: string | undefined;
}

const MAX_EXAMPLES = 20;
/** Events that are read, and applied, at a time: the more, the fewer pages of indexes are written again and again. */
const BATCH_EVENTS = 5_000;
/** Characters of a document that are told, and of them before the first that differs. */
const TOLD_LENGTH = 500;
const TOLD_BEFORE = 100;

/** Rebuilds a view aside and compares it with the live one, document by document; changes nothing. */
export async function compare(projection: Projection, stores: Stores): Promise<Comparison> {
  const view = projection.definition.name;
  return withShadow(projection, { ...stores, likeLive: true }, async (shadow) => {
    let events = 0;
    for (;;) {
      events += await catchUp(projection, shadow, stores, events);
      const before = await stores.views.positions(view);
      if (!equalPositions(before, await shadow.positions())) continue;
      const comparison = await compareDocuments(stores.views.scan(view), shadow.scan(), stores.signal);
      // What was written while we compared makes differences that are none.
      if (comparison.differences === 0 || equalPositions(before, await stores.views.positions(view))) {
        await shadow.drop();
        return comparison;
      }
    }
  });
}

async function withShadow<T>(
  { definition }: Projection,
  { views, likeLive }: Pick<Stores, 'views'> & { likeLive: boolean },
  work: (shadow: Shadow) => Promise<T>,
): Promise<T> {
  const shadow = await views.shadow(definition.name, { likeLive });
  try {
    return await work(shadow);
  } catch (error) {
    // The error that brought us here is the one to tell; a shadow left behind goes when the next one begins.
    await shadow.drop().catch(() => {});
    throw error;
  }
}

/**
 * Reads on to the log's end as it is now; resolves to how many events that were. Throws ViewsRefused when the live
 * view is ahead of the log.
 */
async function catchUp(
  projection: Projection,
  shadow: Shadow,
  { log, views, onProgress, signal }: Stores,
  before: number,
): Promise<number> {
  const { name, topics, history } = projection.definition;
  // SQLite answers at once: rounds that find nothing to read must not keep everything else, abort() too, from running.
  await nextTurn();
  signal?.throwIfAborted();
  const positions = await shadow.positions();
  const live = await views.positions(name);
  let total = before;
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
  }
  // By the newest event of all, of whatever type, a history lets go of what is old.
  const types = history === undefined ? { types: eventTypesOf(projection) } : {};
  const reached = new Map(topics.map((topic) => [topic, { ...positions[topic] }]));
  let done = 0;
  onProgress?.(before, total);
  for await (const batches of readInStep(log, positions, { topics, ...types, atLeast: BATCH_EVENTS })) {
    signal?.throwIfAborted();
    await shadow.apply(projectBatches([projection], batches));
    for (const { topic, partition, next } of batches) {
      const offsets: Record<number, number> = reached.get(topic) ?? {};
      done += next - (offsets[partition] ?? 0);
      offsets[partition] = next;
    }
    onProgress?.(before + done, Math.max(total, before + done));
  }
  signal?.throwIfAborted();
  return done;
}

function equalPositions(a: ViewPositions, b: ViewPositions): boolean {
  return (
    canonicalJson(a as Record<string, Record<string, number>>) ===
    canonicalJson(b as Record<string, Record<string, number>>)
  );
}

/** Both are in the order of ids: they are walked through side by side. */
async function compareDocuments(
  live: AsyncIterable<ScannedDocument[]>,
  rebuilt: AsyncIterable<ScannedDocument[]>,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const comparison: Comparison = { documents: 0, differences: 0, examples: [] };
  const left = each(live, signal);
  const right = each(rebuilt, signal);
  let a = (await left.next()).value;
  let b = (await right.next()).value;
  while (a !== undefined || b !== undefined) {
    const id = least(a?.document.id, b?.document.id);
    const inLive = a?.document.id === id ? a : undefined;
    const inRebuilt = b?.document.id === id ? b : undefined;
    const [liveText, rebuiltText] = [textOf(inLive), textOf(inRebuilt)];
    comparison.documents++;
    if (liveText !== rebuiltText) {
      comparison.differences++;
      if (comparison.examples.length < MAX_EXAMPLES) {
        comparison.examples.push(exampleOf(id, liveText, rebuiltText));
      }
    }
    if (inLive !== undefined) a = (await left.next()).value;
    if (inRebuilt !== undefined) b = (await right.next()).value;
  }
  return comparison;
}

function exampleOf(id: string, live: string | undefined, rebuilt: string | undefined): Example {
  let same = 0;
  while (live !== undefined && same < live.length && live[same] === rebuilt?.[same]) same++;
  const from = Math.max(0, same - TOLD_BEFORE);
  const told = (text: string | undefined) => {
    if (text === undefined || text.length <= TOLD_LENGTH) return text;
    const to = from + TOLD_LENGTH;
    return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
  };
  return { id, live: told(live), rebuilt: told(rebuilt) };
}

async function* each(
  batches: AsyncIterable<ScannedDocument[]>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ScannedDocument, undefined> {
  for await (const batch of batches) {
    signal?.throwIfAborted();
    yield* batch;
  }
  return undefined;
}

function least(a: string | undefined, b: string | undefined): string {
  if (a === undefined) return b ?? '';
  return b === undefined || a < b ? a : b;
}

function textOf(scanned: ScannedDocument | undefined): string | undefined {
  return scanned === undefined ? undefined : canonicalJson(scanned.document);
}
