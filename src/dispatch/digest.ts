// The digest: what came for an endpoint while its gap lasted, told by one webhook at the end of it. Counts by kind
// and the newest few, by their ids, as each of them is a delivery of its own, recorded as omitted. Pure.

import type { DigestEntry, DigestState } from '../events.ts';
import { toIso } from '../time.ts';

/** The kind of a digest. */
export const DIGEST = 'digest';

/** Of what came, the newest that are named. */
const MAX_NEWEST = 20;
/** Kinds that are counted each for itself; more are counted together. */
const MAX_KINDS = 50;
const OTHER_KINDS = 'other';

/** What the digest tells once `entry` has come as well. It is due when what came first would have been free. */
export function withEntry(digest: DigestState | null, entry: DigestEntry, freeAtMs: number): DigestState {
  const before = digest ?? { dueAtMs: freeAtMs, sinceMs: entry.atMs, untilMs: 0, counts: [], newest: [] };
  return {
    ...before,
    untilMs: entry.atMs,
    counts: countedIn(before.counts, entry.kind),
    newest: [...before.newest, entry].slice(-MAX_NEWEST),
  };
}

function countedIn(counts: DigestState['counts'], kind: string): DigestState['counts'] {
  const known = counts.some((other) => other.kind === kind);
  const counted = known || counts.length < MAX_KINDS ? kind : OTHER_KINDS;
  if (!counts.some((other) => other.kind === counted)) return [...counts, { kind: counted, count: 1 }];
  return counts.map((other) => (other.kind === counted ? { ...other, count: other.count + 1 } : other));
}

/** The data of the webhook, as JSON. */
export function digestData({ sinceMs, untilMs, counts, newest }: DigestState): string {
  return JSON.stringify({
    count: counts.reduce((sum, { count }) => sum + count, 0),
    counts: Object.fromEntries(counts.map(({ kind, count }) => [kind, count])),
    since: toIso(sinceMs),
    until: toIso(untilMs),
    newest: newest.toReversed().map(({ eventId: id, webhookId, kind: type, atMs, summary }) => ({
      id,
      webhookId,
      type,
      timestamp: toIso(atMs),
      summary,
    })),
  });
}
