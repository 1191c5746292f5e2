// Whether events stand where they must: in the partition of their key, so that all of an organization is in one partition
// of each topic, and each behind the one before it. Pure.

import { keyOf } from '../events.ts';
import type { StoredEvent } from '../log/log.ts';
import { partitionOf } from '../log/partitioner.ts';
import type { Sweep } from './report.ts';

export interface Places {
  /** Takes the next event in, of any topic and partition. */
  take(stored: StoredEvent): void;
}

export function createPlaces({ findings }: Sweep, partitions: number): Places {
  /** The last offset by topic and partition. */
  const last = new Map<string, number>();
  return {
    take(stored) {
      const { topic, partition, offset, event } = stored;
      findings.checked('places');
      const name = `${topic} ${partition}`;
      const before = last.get(name) ?? -1;
      last.set(name, offset);
      if (offset <= before) {
        findings.found('places', stored, `${event.type} stands behind offset ${before} and has ${offset}`);
      }
      const right = partitionOf(keyOf(event), partitions);
      if (right === partition) return;
      const what = `${event.type} of ${keyOf(event)} stands in partition ${partition} of topic ${topic}`;
      const about = event.organizationId === null ? {} : { organizationId: event.organizationId };
      findings.found('places', stored, `${what}, and its key belongs into ${right}`, about);
    },
  };
}
