// What a measure is told besides the site: how much it may do.

import type { Site } from './deployment.ts';
import type { Options } from './options.ts';
import type { Measure } from './rows.ts';

export interface Asked extends Pick<Options, 'organizations' | 'history'> {
  /** How many to do where a whole run does `of`. */
  count(of: number): number;
}

/** One run of a measure: its rows. */
export type Measuring = (site: Site, asked: Asked) => Promise<Measure[]>;

export function askedBy({ quick, organizations, history }: Options): Asked {
  return {
    history,
    organizations: quick ? Math.ceil(organizations / 20) : organizations,
    count: (of) => (quick ? Math.ceil(of / 20) : of),
  };
}
