// What can be told of a Kafka cluster without making anything there. The client comes from kafka.ts, which alone knows it.

import { TOPICS } from '../events.ts';
import { namesWith } from './kafka-names.ts';
import { type Admin, startError } from './kafka-topics.ts';
import { asLogError } from './kafka-wire.ts';
import type { LogLook } from './log.ts';

/** What is used of the client. */
interface Looking extends Pick<Admin, 'listTopics'> {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  describeCluster(): Promise<{ brokers: unknown[] }>;
}

/** Connects, looks and disconnects. Rejects with LogUnavailable or LogRefused. */
export async function lookAtKafka(
  admin: Looking,
  { prefix, brokers }: { prefix: string; brokers: readonly string[] },
): Promise<LogLook> {
  try {
    await admin.connect();
    const { brokers: found } = await admin.describeCluster();
    const all = new Set(await admin.listTopics());
    const ours = TOPICS.map(namesWith(prefix).topic);
    return {
      brokers: found.length,
      there: ours.filter((name) => all.has(name)),
      missing: ours.filter((name) => !all.has(name)),
    };
  } catch (error) {
    throw startError(asLogError(error), brokers);
  } finally {
    await admin.disconnect();
  }
}
