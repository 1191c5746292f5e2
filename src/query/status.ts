// How it stands: how long the topics are, how far everybody has read them, what is pending, how large the stores are.

import type { Log } from '../log/log.ts';
import type { ViewDefinition, Views } from '../views/views.ts';

export interface Status {
  topics: { topic: string; partitions: number; events: number }[];
  /** How many events each group has still to read. */
  groups: { group: string; topic: string; lag: number }[];
  deliveries: { pending: number; processed: number; omitted: number; error: number };
  /** When the oldest pending delivery was made; null: none is pending. */
  oldestPendingAt: string | null;
  /** Organizations of which the dispatcher knows something. */
  lanes: number;
  logs: number;
  logBytes: number;
  viewsBytes: number;
}

const OUTBOUND_STATUSES = ['pending', 'processed', 'omitted', 'error'] as const;
/** Pending deliveries that are read at a time to come to the oldest one. */
const PAGE_DOCUMENTS = 1_000;

/** `definitions` are those of the views that the projector keeps. */
export async function readStatus(
  log: Log,
  views: Views,
  definitions: readonly Pick<ViewDefinition, 'name' | 'topics'>[],
): Promise<Status> {
  const topics = ['inbound', 'organizations', 'outbound'] as const;
  const ends = {
    inbound: await log.ends('inbound'),
    organizations: await log.ends('organizations'),
    outbound: await log.ends('outbound'),
  };
  const lag = (topic: (typeof topics)[number], at: (partition: number) => number) =>
    ends[topic].reduce((sum, end, partition) => sum + Math.max(0, end - at(partition)), 0);
  const groups: Status['groups'] = [];
  for (const [group, topic] of [
    ['recorder', 'inbound'],
    ['dispatcher', 'organizations'],
  ] as const) {
    const positions = await log.positions(group, topic);
    groups.push({ group, topic, lag: lag(topic, (partition) => positions[partition] ?? 0) });
  }
  for (const topic of topics) {
    const readers = definitions.filter((definition) => definition.topics.includes(topic));
    const positions = await Promise.all(readers.map(({ name }) => views.positions(name)));
    const at = (partition: number) =>
      Math.min(...positions.map((position) => position[topic]?.[partition] ?? 0));
    groups.push({ group: 'projector', topic, lag: lag(topic, at) });
  }
  const count = async (status: string) => views.count('deliveries', [{ field: 'status', eq: status }]);
  const [pending = 0, processed = 0, omitted = 0, error = 0] = await Promise.all(
    OUTBOUND_STATUSES.map(count),
  );
  return {
    topics: topics.map((topic) => ({
      topic,
      partitions: log.partitions,
      events: ends[topic].reduce((sum, end) => sum + end, 0),
    })),
    groups,
    deliveries: { pending, processed, omitted, error },
    oldestPendingAt: await oldestPendingAt(views),
    lanes: await countLanes(log),
    logs: await views.count('logs'),
    logBytes: await log.size(),
    viewsBytes: await views.size(),
  };
}

async function countLanes(log: Log): Promise<number> {
  let lanes = 0;
  for await (const { events } of log.read('lanes', { types: ['LaneSaved'] })) lanes += events.length;
  return lanes;
}

async function oldestPendingAt(views: Views): Promise<string | null> {
  const where = [{ field: 'status', eq: 'pending' }];
  let page = await views.find('deliveries', { where, limit: PAGE_DOCUMENTS });
  let oldest = page.at(-1);
  while (oldest !== undefined && page.length === PAGE_DOCUMENTS) {
    page = await views.find('deliveries', { where, limit: PAGE_DOCUMENTS, before: oldest.id });
    oldest = page.at(-1) ?? oldest;
  }
  return typeof oldest?.createdAt === 'string' ? oldest.createdAt : null;
}
