// The lanes of a partition that are in memory: those in which something is to happen by itself, and of the others those that
// were asked for of late. What is not here is quiet and stands in topic lanes, as it was when it was let go.
//
// Of late means: lanes that are asked for are young; when there are too many of these, they are old, and what is quiet of
// the old ones until then is let go.

import type { OrganizationId } from '../ids.ts';
import { isQuiet, type Lane, newLane } from './lane.ts';

export interface Lanes {
  get(id: OrganizationId): Lane | undefined;
  /** The lane; a new one, of which nothing is known yet, where none is in memory. */
  getOrAdd(id: OrganizationId): Lane;
  has(id: OrganizationId): boolean;
  add(lane: Lane): void;
  values(): Iterable<Lane>;
  /** Lets quiet ones go, where there are too many. To be called when topic lanes has all that has changed in them. */
  trim(nowMs: number): void;
}

/** `most`: lanes that are kept though they are quiet, default: all; up to twice as many are. */
export function createLanes(most = Number.POSITIVE_INFINITY): Lanes {
  let young = new Map<OrganizationId, Lane>();
  let old = new Map<OrganizationId, Lane>();

  function add(lane: Lane): void {
    old.delete(lane.organizationId);
    young.set(lane.organizationId, lane);
  }

  function get(id: OrganizationId): Lane | undefined {
    const lane = young.get(id);
    if (lane !== undefined) return lane;
    const found = old.get(id);
    if (found !== undefined) add(found);
    return found;
  }

  return {
    get,
    getOrAdd(id) {
      const found = get(id);
      if (found !== undefined) return found;
      const lane = newLane(id);
      add(lane);
      return lane;
    },
    has: (id) => young.has(id) || old.has(id),
    add,
    *values() {
      yield* young.values();
      yield* old.values();
    },
    trim(nowMs) {
      if (young.size < most) return;
      for (const [id, lane] of old) if (!isQuiet(lane, nowMs)) young.set(id, lane);
      old = young;
      young = new Map();
    },
  };
}
