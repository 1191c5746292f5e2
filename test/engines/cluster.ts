// Hooklane as it runs on several hosts: a process for each role, or several, on one Kafka and one MongoDB. They share
// nothing but those, and the keys; each has a data directory of its own.

import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { request } from 'undici';
// Also for what it mends in kafkajs, which would warn of timers.
import '../../src/log/kafka-client.ts';
import type { Group } from '../../src/log/log.ts';
import { type Running, start } from '../e2e/hooklane.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { uniqueDatabase, uniquePrefix } from '../support/engines.ts';
import { dropDatabase } from '../support/mongod.ts';
import { waitFor } from '../support/wait.ts';

export type Role = 'api' | 'record' | 'project' | 'dispatch';

/** A dead process is missed after so long. */
export const SESSION_MS = 3_000;
const STARTED_WITHIN_MS = 60_000;

export interface Cluster {
  /** Starts a process with one role, and waits until it runs; the API's `url` is empty for the others. */
  start(role: Role): Promise<Process>;
  /** Asks the API. Throws for a status that is not 2xx. */
  call(method: 'GET' | 'POST', url: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Does away with all that Kafka knows of a group that nobody is in: its positions. */
  forget(group: Group): Promise<void>;
  /** How many members a group has, as the broker sees it. */
  members(group: Group): Promise<number>;
}

export interface Process extends Running {
  role: Role;
  url: string;
}

/** A cluster on the broker at `kafka` and the run's MongoDB. */
export async function newCluster(t: TestContext, kafka: string): Promise<Cluster> {
  const adminToken = randomBytes(24).toString('hex');
  const views = uniqueDatabase();
  const prefix = uniquePrefix();
  const environment = {
    HOOKLANE_LOG: kafka,
    HOOKLANE_VIEWS: views,
    HOOKLANE_TOPIC_PREFIX: prefix,
    HOOKLANE_PARTITIONS: '16',
    HOOKLANE_KAFKA_SESSION: `${SESSION_MS}ms`,
    HOOKLANE_ADMIN_TOKEN: adminToken,
    HOOKLANE_MASTER_KEY: randomBytes(32).toString('base64'),
    HOOKLANE_BURST: 'none',
    HOOKLANE_SUSTAINED: 'none',
    HOOKLANE_LOG_LEVEL: 'warn',
    PORT: '0',
  };
  t.after(() => dropDatabase(views));
  const admin = new Kafka({ brokers: [kafka.slice('kafka://'.length)], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());

  return {
    async start(role) {
      const env = { ...environment, HOOKLANE_DATA: temporaryDirectory(t) };
      const running = start(t, ['serve', '--roles', role], { env });
      let end: number | NodeJS.Signals | undefined;
      void running.ended.then((exit) => {
        end = exit;
      });
      const url = await waitFor(
        `${role} to run`,
        () => {
          if (end !== undefined)
            throw new Error(`${role} ended with ${end}: ${running.stderr()}${running.stdout()}`);
          const [line, found = ''] =
            /^Hooklane (?:listens on (\S+)|runs on).*\n/.exec(running.stdout()) ?? [];
          return line === undefined ? undefined : { found };
        },
        STARTED_WITHIN_MS,
      );
      return { ...running, role, url: url.found };
    },
    async call(method, url, body) {
      const response = await request(url, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.body.text();
      if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.statusCode} ${text}`);
      return JSON.parse(text);
    },
    async forget(group) {
      await admin.deleteGroups([`${prefix}${group}`]);
    },
    async members(group) {
      const { groups } = await admin.describeGroups([`${prefix}${group}`]);
      return groups[0]?.members.length ?? 0;
    },
  };
}

/** All of a collection, page by page; `T` is what its items are. */
export async function listAll<T>(cluster: Cluster, collection: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor = ''; ; ) {
    const page = await cluster.call(
      'GET',
      `${collection}limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    items.push(...(page.items as T[]));
    if (typeof page.cursor !== 'string') return items;
    cursor = page.cursor;
  }
}
