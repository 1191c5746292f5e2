// The topics: made when they are not there, checked when they are. Nothing that exists is changed: who made a topic
// otherwise than we need it is told what is wrong.

import { MAX_BESIDE_BODY_BYTES, TOPICS, type Topic } from '../events.ts';
import { formatSize } from '../size.ts';
import type { Names } from './kafka-names.ts';
import { LogRefused, LogUnavailable } from './log.ts';

/** What is used of the client's administration. */
export interface Admin {
  listTopics(): Promise<string[]>;
  createTopics(request: {
    waitForLeaders: boolean;
    topics: {
      topic: string;
      numPartitions: number;
      replicationFactor: number;
      configEntries: { name: string; value: string }[];
    }[];
  }): Promise<boolean>;
  fetchTopicMetadata(request: { topics: string[] }): Promise<{
    topics: { name: string; partitions: unknown[] }[];
  }>;
  fetchTopicOffsets(topic: string): Promise<{ high: string }[]>;
  describeConfigs(request: {
    includeSynonyms: boolean;
    resources: { type: number; name: string; configNames: string[] }[];
  }): Promise<{
    resources: { resourceName: string; configEntries: { configName: string; configValue: string }[] }[];
  }>;
}

export interface TopicsOptions {
  admin: Admin;
  names: Names;
  /** Of topics that are made, default 16; those that are there must have as many. */
  partitions: number | undefined;
  /** Of topics that are made; undefined: as the broker has it. */
  replication: number | undefined;
  /** For how long `inbound` and `outbound` keep events; undefined: for ever. */
  retentionMs: number | undefined;
  /** Of the payloads that are taken; events are larger. */
  bodyBytes: number;
}

const DEFAULT_PARTITIONS = 16;
/** The broker's own default (KIP-464). */
const BROKER_DEFAULT = -1;
/** Room for the largest event there may ever be. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const FOR_EVER = '-1';
/** The client's number for topics, among what has a configuration. */
const TOPIC_RESOURCE = 2;

/** Resolves to how many partitions the topics have. Rejects with LogRefused, or with an error of the client. */
export async function ensureTopics(options: TopicsOptions): Promise<number> {
  const { admin, names, partitions: wanted } = options;
  const all = TOPICS.map(names.topic);
  const there = new Set(await admin.listTopics());
  const missing = TOPICS.filter((topic) => !there.has(names.topic(topic)));
  const existing = TOPICS.filter((topic) => there.has(names.topic(topic)));
  const counts = await countPartitions(admin, existing.map(names.topic));
  // What is there decides how many, so that a start that was cut short goes on as it began.
  const partitions = wanted ?? counts[0]?.count ?? DEFAULT_PARTITIONS;
  checkPartitions(counts, partitions, wanted);
  if (missing.length > 0) {
    for (const topic of existing) await ensureUnused(admin, names.topic(topic), missing.map(names.topic));
    const topics = missing.map((topic) => topicConfig(topic, { ...options, partitions }));
    await admin.createTopics({ waitForLeaders: true, topics });
    // Somebody else may have made them at the same moment.
    checkPartitions(await countPartitions(admin, all), partitions, wanted);
  }
  await checkConfigs(options);
  return partitions;
}

/** Throws LogRefused where a topic has events while others are missing: positions in these, and in what was made of them, would lie. */
async function ensureUnused(admin: Admin, topic: string, missing: readonly string[]): Promise<void> {
  const offsets = await admin.fetchTopicOffsets(topic);
  if (offsets.every(({ high }) => high === '0')) return;
  throw new LogRefused(
    `Kafka: there is no topic ${missing.join(', ')}, though ${topic} has been written to: restore it, or, to begin anew, ` +
      'delete all of them and the read models',
  );
}

function topicConfig(
  topic: Topic,
  { names, partitions, replication, retentionMs }: TopicsOptions & { partitions: number },
) {
  const keep = topic === 'inbound' || topic === 'outbound' ? String(retentionMs ?? FOR_EVER) : FOR_EVER;
  return {
    topic: names.topic(topic),
    numPartitions: partitions,
    replicationFactor: replication ?? BROKER_DEFAULT,
    configEntries: [
      { name: 'cleanup.policy', value: topic === 'lanes' ? 'compact' : 'delete' },
      { name: 'retention.ms', value: keep },
      { name: 'retention.bytes', value: FOR_EVER },
      { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
    ],
  };
}

interface Count {
  name: string;
  count: number;
}

async function countPartitions(admin: Admin, topics: string[]): Promise<Count[]> {
  if (topics.length === 0) return [];
  const { topics: found } = await admin.fetchTopicMetadata({ topics });
  const counts = found.map(({ name, partitions }) => ({ name, count: partitions.length }));
  return counts.toSorted((a, b) => topics.indexOf(a.name) - topics.indexOf(b.name));
}

function checkPartitions(counts: readonly Count[], partitions: number, wanted: number | undefined): void {
  const other = counts.find(({ count }) => count !== partitions);
  if (other === undefined) return;
  const list = counts.map(({ name, count }) => `${name} ${count}`).join(', ');
  const rule =
    wanted === undefined
      ? 'all of them need the same number, as what shares a key must share a partition'
      : `HOOKLANE_PARTITIONS says ${wanted}; a topic keeps the number it was made with, as keys would change places`;
  throw new LogRefused(`Kafka: the topics have these numbers of partitions: ${list}; ${rule}`);
}

async function checkConfigs({ admin, names, retentionMs, bodyBytes }: TopicsOptions): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: TOPICS.map((topic) => ({
      type: TOPIC_RESOURCE,
      name: names.topic(topic),
      configNames: ['cleanup.policy', 'retention.ms', 'retention.bytes', 'max.message.bytes'],
    })),
  });
  for (const topic of TOPICS) {
    const name = names.topic(topic);
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const values = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const wrong = wrongConfig(topic, values, { retentionMs, bodyBytes });
    if (wrong !== undefined) {
      throw new LogRefused(
        `Kafka: ${name} has ${wrong}; mend it with kafka-configs --alter, or delete a topic that is empty`,
      );
    }
  }
}

/** What is wrong with the configuration of a topic, for people. */
function wrongConfig(
  topic: Topic,
  values: ReadonlyMap<string, string>,
  { retentionMs, bodyBytes }: Pick<TopicsOptions, 'retentionMs' | 'bodyBytes'>,
): string | undefined {
  const [policy, retention, bytes] = ['cleanup.policy', 'retention.ms', 'retention.bytes'].map((name) =>
    values.get(name),
  );
  const room = values.get('max.message.bytes');
  const needed = bodyBytes + MAX_BESIDE_BODY_BYTES;
  if (room !== undefined && Number(room) < needed) {
    return `max.message.bytes=${room}, and needs ${needed} for HOOKLANE_BODY_LIMIT=${formatSize(bodyBytes)}`;
  }
  const wanted = topic === 'lanes' ? 'compact' : 'delete';
  if (policy !== undefined && policy !== wanted) return `cleanup.policy=${policy}, and needs ${wanted}`;
  if (topic === 'lanes' || retention === undefined) return undefined;
  if (topic === 'organizations') {
    const forgets = retention !== FOR_EVER ? `retention.ms=${retention}` : `retention.bytes=${bytes}`;
    const isKept = retention === FOR_EVER && (bytes === undefined || bytes === FOR_EVER);
    return isKept ? undefined : `${forgets}, and would forget the configuration: it needs ${FOR_EVER}`;
  }
  if (retentionMs !== undefined && retention !== String(retentionMs)) {
    return `retention.ms=${retention}, and HOOKLANE_KAFKA_RETENTION says ${retentionMs} ms`;
  }
  return undefined;
}

/** An error of the client at the start, for people: which name, right or address is wrong. */
export function startError(error: unknown, brokers: readonly string[]): unknown {
  if (!(error instanceof LogUnavailable)) return error;
  return new LogUnavailable(`Kafka cannot be reached at ${brokers.join(', ')}: ${reasonOf(error)}`, {
    cause: error,
  });
}

function reasonOf(error: Error): string {
  return error.message.replace(/^Kafka: (Connection error: )?/, '');
}
