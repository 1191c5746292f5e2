// What ours is called in Kafka, where others may live too. Operators write these names into access rules.

import type { Topic } from '../events.ts';
import type { Group } from './log.ts';

export interface Names {
  topic(topic: Topic): string;
  group(group: Group): string;
  /** Whose newest producer alone may write what comes of an input partition. */
  transactionalId(group: Group, topic: Topic, partition: number): string;
}

export function namesWith(prefix: string): Names {
  return {
    topic: (topic) => `${prefix}${topic}`,
    group: (group) => `${prefix}${group}`,
    transactionalId: (group, topic, partition) => `${prefix}${group}.${topic}.${partition}`,
  };
}
