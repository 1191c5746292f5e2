// Places: how much of what takes long is done at once. Tokens that are bound to one organization have half of them at the
// most, together, so that no organization keeps all others out.

import type { Access } from './access.ts';

export interface PlacesOptions {
  most: number;
  /** What has them, in the plural. */
  what: string;
  retryAfterSeconds: number;
}

/** There is no place left. Try again later. */
export class TooBusy extends Error {
  readonly code = 'TOO_BUSY';
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.name = 'TooBusy';
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Takes a place; gives what gives it back, which may be called again. Throws TooBusy where there is none. */
export type Places = (access: Pick<Access, 'organizationId'>) => () => void;

export function createPlaces({ most, what, retryAfterSeconds }: PlacesOptions): Places {
  const mostEach = most / 2;
  const busy = `Too many ${what}: at most ${most} at once, ${mostEach} by the tokens of one organization.`;
  const takenBy = new Map<Access['organizationId'], number>();
  let taken = 0;

  function count(by: Access['organizationId'], change: number): void {
    taken += change;
    const own = (takenBy.get(by) ?? 0) + change;
    if (own > 0) takenBy.set(by, own);
    else takenBy.delete(by);
  }

  return ({ organizationId: by }) => {
    const own = by === null ? 0 : (takenBy.get(by) ?? 0);
    if (taken >= most || own >= mostEach) throw new TooBusy(busy, retryAfterSeconds);
    count(by, 1);
    let isGiven = false;
    return () => {
      if (!isGiven) count(by, -1);
      isGiven = true;
    };
  };
}
