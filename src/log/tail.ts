// The newest events that this process has written itself, as they are: who works them off, a moment later, need not read
// them back. Pure.

import type { EventOf, Topic } from '../events.ts';
import type { Position, StoredEvent } from './log.ts';

export interface Tail {
  /** Keeps an event that is on disk now. `bytes`: of its record. */
  add<T extends Topic>(event: EventOf<T>, position: Position & { topic: T }, bytes: number): void;
  /** The events of a partition from an offset on, `max` at most and at least one; undefined: it does not have the first. */
  from<T extends Topic>(
    topic: T,
    range: { partition: number; from: number; max: number },
  ): StoredEvent<T>[] | undefined;
  /** Forgets the events of a partition, as they are about to be changed in the log. */
  forget(topic: Topic, partition: number): void;
}

/** Of a partition so much is kept: of who is further behind, the log has what is missing. */
const MAX_EVENTS = 1_000;
const MAX_BYTES = 1024 * 1024;

/** Events of one partition, one after the other without a hole. */
interface Run {
  events: StoredEvent[];
  bytes: number[];
  totalBytes: number;
}

export function createTail(topics: readonly Topic[]): Tail {
  const runs = new Map<Topic, Map<number, Run>>(topics.map((topic) => [topic, new Map()]));

  return {
    add(event, { topic, partition, offset }, bytes) {
      const ofTopic = runs.get(topic);
      if (ofTopic === undefined) return;
      const run = ofTopic.get(partition) ?? { events: [], bytes: [], totalBytes: 0 };
      ofTopic.set(partition, run);
      // Between the last one and this stands what somebody else has written.
      if (run.events.at(-1)?.offset !== offset - 1) empty(run, run.events.length);
      run.events.push({ topic, partition, offset, event });
      run.bytes.push(bytes);
      run.totalBytes += bytes;
      // Half of it at a time, as what is behind moves up.
      if (run.events.length > MAX_EVENTS || run.totalBytes > MAX_BYTES)
        empty(run, Math.ceil(run.events.length / 2));
    },
    from<T extends Topic>(
      topic: T,
      { partition, from, max }: { partition: number; from: number; max: number },
    ) {
      const events = runs.get(topic)?.get(partition)?.events ?? [];
      const at = from - (events[0]?.offset ?? Number.POSITIVE_INFINITY);
      if (at < 0 || at >= events.length) return undefined;
      return events.slice(at, at + max) as StoredEvent<T>[];
    },
    forget(topic, partition) {
      runs.get(topic)?.delete(partition);
    },
  };
}

/** Takes the oldest `count` out. */
function empty(run: Run, count: number): void {
  run.events.splice(0, count);
  run.totalBytes -= run.bytes.splice(0, count).reduce((sum, bytes) => sum + bytes, 0);
}
