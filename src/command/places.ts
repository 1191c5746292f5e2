// Places: how much of what takes long is done at once. Tokens that are bound to one organization have half of them at the
// most, together, so that no organization keeps all others out.

import type { Access } from './access.ts';
import { Problem } from './problem.ts';

export interface PlacesOptions {
  most: number;
  /** What has them, in the plural. */
  what: string;
  retryAfterSeconds: number;
}

/** Takes a place; gives what gives it back, which may be called again. Throws Problem (503) where there is none. */
export type Places = (access: Pick<Access, 'organizationId'>) => () => void;

export function createPlaces({ most, what, retryAfterSeconds }: PlacesOptions): Places {
  const mostEach = most / 2;
  const busy = `Too many ${what}: at most ${most} at once, ${mostEach} by the tokens of one organization.`;
  const taken = new Set<{ by: Access['organizationId'] }>();
  return ({ organizationId: by }) => {
    const own = by === null ? 0 : [...taken].filter((place) => place.by === by).length;
    if (taken.size >= most || own >= mostEach)
      throw new Problem(503, 'busy', busy, { 'retry-after': String(retryAfterSeconds) });
    const place = { by };
    taken.add(place);
    return () => {
      taken.delete(place);
    };
  };
}
