// What a projection is: a view's declaration, and what one event changes in it. Pure; all that depends on the order
// of topics is left to patches that commute.

import type { HooklaneEvent } from '../events.ts';
import type { Patch, ViewDefinition } from '../views/views.ts';

/** A change of one document of the projection's own view. */
export type Change = Omit<Patch, 'view' | 'cause'>;

export interface Projection {
  definition: ViewDefinition;
  /** What an event changes; events that it knows nothing of change nothing. */
  project(event: HooklaneEvent): Change[];
}
