// What a projection is: a view's declaration, and what each type of event, and where it stands, changes in it. Pure; all that depends on the
// order of topics is left to patches that commute.

import type { EventType, HooklaneEvent } from '../events.ts';
import type { Position } from '../log/log.ts';
import type { Patch, ViewDefinition } from '../views/views.ts';

/** A change of one document of the projection's own view. */
export type Change = Omit<Patch, 'view' | 'cause'>;

export interface Projection {
  definition: ViewDefinition;
  /** By type of event, what such an event changes; events of all other types change nothing. */
  on: {
    readonly [T in EventType]?: (event: Extract<HooklaneEvent, { type: T }>, cause: Position) => Change[];
  };
}

const NONE: readonly Change[] = [];

/** What an event, which stands at `cause`, changes in the view of a projection. */
export function changesOf({ on }: Projection, event: HooklaneEvent, cause: Position): readonly Change[] {
  // The compiler does not see that the function is the one for this very event.
  const change = on[event.type] as ((event: HooklaneEvent, cause: Position) => Change[]) | undefined;
  return change === undefined ? NONE : change(event, cause);
}

/** The types of events that change anything in the view of a projection. */
export function eventTypesOf({ on }: Projection): EventType[] {
  return Object.keys(on) as EventType[];
}
