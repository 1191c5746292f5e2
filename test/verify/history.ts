// Histories as the checks see them: a log that is what a test says, which only reads, also what no engine would write.

import type { HooklaneEvent, Topic } from '../../src/events.ts';
import type { Batch, StoredEvent } from '../../src/log/log.ts';
import type { Report } from '../../src/verify/report.ts';
import { type VerifiedLog, type VerifyOptions, verify } from '../../src/verify/verify.ts';

/** What stands in a partition: events, or events with their offsets. */
type Stored = Pick<StoredEvent, 'event' | 'offset'>;

export interface History {
  inbound?: readonly HooklaneEvent[];
  organizations?: readonly HooklaneEvent[];
  outbound?: readonly HooklaneEvent[];
}

/** By topic and partition what was written; `positions`: how far all groups are, default: at the end. */
export function logOf(
  written: (topic: Topic) => readonly (readonly Stored[])[],
  positions?: number,
): VerifiedLog {
  const ends = async (topic: Topic) => written(topic).map((events) => (events.at(-1)?.offset ?? -1) + 1);
  return {
    partitions: written('organizations').length,
    ends,
    positions: async (_, topic) => (await ends(topic)).map((end) => Math.min(end, positions ?? end)),
    async *read(topic, { partition = 0, types, mentions } = {}) {
      const all = written(topic)[partition] ?? [];
      const events = all
        .filter(({ event }) => types === undefined || types.includes(event.type))
        .filter(({ event }) => mentions === undefined || JSON.stringify(event).includes(mentions))
        .map((stored) => ({ ...stored, topic, partition }));
      const end = (all.at(-1)?.offset ?? -1) + 1;
      yield { topic, partition, events, next: end, end } as Batch<typeof topic>;
    },
  };
}

/** Verifies a history of one partition, in which the groups have come to `positions`, default: to the end. */
export function judge(
  history: History,
  options: VerifyOptions & { positions?: number } = {},
): Promise<Report> {
  const byTopic: Partial<Record<Topic, readonly HooklaneEvent[]>> = { ...history };
  const written = (topic: Topic) => [(byTopic[topic] ?? []).map((event, offset) => ({ event, offset }))];
  return verify({ log: logOf(written, options.positions) }, options);
}

/** What is found in a history, each as `check: message`. */
export async function found(history: History, options?: Parameters<typeof judge>[1]): Promise<string[]> {
  const { findings } = await judge(history, options);
  return findings.map(({ check, message }) => `${check}: ${message}`);
}
