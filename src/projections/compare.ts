// Two copies of a view, document by document: how they differ, as it is told.

import { canonicalJson } from '../views/patch.ts';
import type { ScannedDocument } from '../views/views.ts';

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

export interface Compared extends Comparison {
  /** Of those that differ, the first 1,000. */
  ids: string[];
}

const MAX_EXAMPLES = 20;
const MAX_IDS = 1_000;
/** Characters of a document that are told, and of them before the first that differs. */
const TOLD_LENGTH = 500;
const TOLD_BEFORE = 100;

export type Scanned = Pick<ScannedDocument, 'document'>;

/** Walks through both side by side, in the order of ids. Rejects when `signal` is aborted. */
export async function compareDocuments(
  live: AsyncIterable<Scanned[]>,
  rebuilt: AsyncIterable<Scanned[]>,
  signal: AbortSignal | undefined,
): Promise<Compared> {
  const compared: Compared = { documents: 0, differences: 0, examples: [], ids: [] };
  const left = each(live, signal);
  const right = each(rebuilt, signal);
  let a = (await left.next()).value;
  let b = (await right.next()).value;
  while (a !== undefined || b !== undefined) {
    const id = least(a?.document.id, b?.document.id);
    const inLive = a?.document.id === id ? a : undefined;
    const inRebuilt = b?.document.id === id ? b : undefined;
    const [liveText, rebuiltText] = [textOf(inLive), textOf(inRebuilt)];
    compared.documents++;
    if (liveText !== rebuiltText) {
      compared.differences++;
      if (compared.ids.length < MAX_IDS) compared.ids.push(id);
      if (compared.examples.length < MAX_EXAMPLES) {
        compared.examples.push(exampleOf(id, liveText, rebuiltText));
      }
    }
    if (inLive !== undefined) a = (await left.next()).value;
    if (inRebuilt !== undefined) b = (await right.next()).value;
  }
  return compared;
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
  batches: AsyncIterable<Scanned[]>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Scanned, undefined> {
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

function textOf(scanned: Scanned | undefined): string | undefined {
  return scanned === undefined ? undefined : canonicalJson(scanned.document);
}
