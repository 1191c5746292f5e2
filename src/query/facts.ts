// What a status tells, before it is judged: the same over HTTP and with --json. Fields may be added, none renamed.

import type { Topic } from '../events.ts';
import type { EndpointHealth, LaneStates, Timers } from './lanes.ts';

export interface Behind {
  /** Events still to be read; `exact`: counted, else an upper bound. */
  lag: number;
  exact: boolean;
  /** For how long the oldest of them has waited; null: none waits, or it is not known. */
  lagMs: number | null;
}

export interface OldestPending {
  id: string;
  organizationId: string;
  endpointId: string;
  event: string;
  createdAt: string;
  ageMs: number;
}

export interface Facts {
  /** Whether a process works the log off. */
  serving: boolean;
  /** Where each topic ends by partition, the sum of that, and its bytes on disk where the engine can tell. */
  topics: {
    topic: Topic;
    partitions: number;
    events: number;
    ends: readonly number[];
    bytes: number | null;
  }[];
  /** Recorder, dispatcher and, by topic, the projector: the slowest of its views. */
  groups: ({ group: string; topic: Topic } & Behind)[];
  views: ({ view: string } & Behind)[];
  /** Views that have read further than the log goes. */
  ahead: string[];
  /** By status; at most `countedTo`, and so are `logs`. */
  deliveries: { pending: number; processed: number; omitted: number; error: number };
  logs: number;
  countedTo: number;
  oldestPending: OldestPending | null;
  /** When the oldest pending delivery was made; null: none is pending. */
  oldestPendingAt: string | null;
  /** Organizations of which the dispatcher knows something. */
  lanes: number;
  /** Of them, those that are being imported, or whose import was cut off: nothing of them is sent. */
  importing: number;
  laneStates: LaneStates;
  timers: Timers;
  endpoints: EndpointHealth;
  /** Whether all lanes were read; else lanes, timers and endpoints are what was read of them. */
  complete: boolean;
  logBytes: number;
  viewsBytes: number;
}
