// Retention: for how long the documents of a view are kept, and the payloads in them. Pure.
//
// Only views that are history lose anything, and a document of one is as old as its id. By what time that is judged, the
// view itself says: `newestMs`, the greatest time of the events it has read, to the hour. What is older than that by more
// than its retention lies before its horizon, and is gone. No clock is asked, so a view that is rebuilt ends as the live
// one, whenever that is done and in whatever order the topics are read:
//
//   the horizon follows from which events were read, not from their order, and it never goes back;
//   a document before the last horizon is gone in both, whichever patches had come by the time it passed;
//   one that is not was before none of the horizons, so that no patch of it was left out in either.
//
// With payloads it is the same: taking one away after a patch, or before it as well, leaves the same document.
//
// What lies before a horizon is in no answer from the moment the horizon is moved, which is the step that moves the
// positions of the view as well. What it takes on disk is swept up later, a bounded part at a time: a retention that is
// turned on at ten million documents holds nobody up.

import { leastId } from '../ids.ts';
import { isNull } from './patch.ts';
import type { Fields, History } from './views.ts';

/** For how long, in ms; Infinity: for ever. */
export interface Retention {
  documentsMs: number;
  /** No longer than documents. */
  payloadsMs: number;
}

export const FOR_EVER: Retention = {
  documentsMs: Number.POSITIVE_INFINITY,
  payloadsMs: Number.POSITIVE_INFINITY,
};

/** How a copy of a view keeps its documents: the least retention it has had, and the time by which it judges. */
export interface Keeping extends Retention {
  newestMs: number;
}

/** Where a copy of a view ends, for its documents and for payloads: ids less than these lie before it; '': none do. */
export interface Horizon {
  documents: string;
  payloads: string;
  payload: History['payload'];
}

/** How often a horizon moves at the most, so that not every batch has to write where it is. */
const STEP_MS = 3_600_000;

/** For how long a view keeps its documents in a store that is told `retention`. */
export function retentionOf(history: History | undefined, retention: Retention): Retention {
  const { keptMs } = history ?? {};
  return keptMs === undefined ? retention : { documentsMs: keptMs, payloadsMs: keptMs };
}

/** How a new copy keeps its documents; `newestMs`: that of another copy, which has not read further than this one will. */
export function newKeeping({ documentsMs, payloadsMs }: Retention, newestMs = 0): Keeping {
  return { documentsMs, payloadsMs, newestMs };
}

/** After events of `newestAtMs` and before, under a retention that may have become shorter. */
export function movedOn(keeping: Keeping, newestAtMs: number, limit: Retention): Keeping {
  return {
    documentsMs: Math.min(keeping.documentsMs, limit.documentsMs),
    payloadsMs: Math.min(keeping.payloadsMs, limit.payloadsMs),
    newestMs: Math.max(keeping.newestMs, newestAtMs - (newestAtMs % STEP_MS)),
  };
}

/**
 * Where a copy ends that keeps its documents so (undefined: as ever, for ever), of a view that is to forget what was made
 * before `forgottenMs`, as the log has.
 */
export function horizonOf(
  history: History | undefined,
  keeping: Keeping | undefined,
  forgottenMs: number,
): Horizon {
  if (history === undefined) return { documents: '', payloads: '', payload: [] };
  const { newestMs, documentsMs, payloadsMs } = keeping ?? newKeeping(FOR_EVER);
  const before = (retentionMs: number) => {
    const horizonMs = Math.max(newestMs - retentionMs, forgottenMs);
    return horizonMs > 0 ? leastId(history.prefix, horizonMs) : '';
  };
  return { documents: before(documentsMs), payloads: before(payloadsMs), payload: history.payload };
}

/**
 * Whether a copy has lost what is to be kept by now. One that does not know how it kept its documents was made by a release
 * without retention: it is whole, and cannot say when to let go.
 */
export function keepsTooLittle(keeping: Keeping | undefined, wanted: Retention): boolean {
  if (keeping === undefined) return wanted.payloadsMs < Number.POSITIVE_INFINITY;
  return keeping.documentsMs < wanted.documentsMs || keeping.payloadsMs < wanted.payloadsMs;
}

/** Takes the payload out of the fields of a document that lies before the horizon of payloads. */
export function age(id: string, fields: Fields, { payloads, payload }: Horizon): void {
  if (id < payloads) withoutPayload(fields, payload);
}

/** What lies deeper than the fields may be shared, and is not changed but replaced. Whether there was any. */
export function withoutPayload(fields: Fields, payload: History['payload']): boolean {
  let isChanged = false;
  for (const path of payload) {
    const [field = '', key] = path.split('.');
    const value = fields[field];
    if (value === undefined || value === null) continue;
    if (key === undefined) {
      delete fields[field];
      isChanged = true;
    } else {
      const entries = Object.entries(value as Record<string, Fields>);
      if (entries.every(([, entry]) => isNull(entry[key]))) continue;
      fields[field] = Object.fromEntries(
        entries.map(([name, entry]) => [name, isNull(entry[key]) ? entry : { ...entry, [key]: null }]),
      );
      isChanged = true;
    }
  }
  return isChanged;
}
