// What is measured: Hooklane on SQLite, in one process; on Kafka and MongoDB, in one process; or there with a process for
// each role. Said by the argument of npm run bench.

import { randomBytes } from 'node:crypto';
import { newBroker } from '../test/support/broker.ts';
import { newMongod } from '../test/support/mongod.ts';
import { indexStandIn } from './stand-in.ts';

/**
 * Memory and garbage collector as Kafka's own scripts set them: with the collector that tests have, the broker stands still for
 * 20 ms twice a second. Without the second compiler, which on two cores takes more than it gives (docs/performance.md).
 */
const JVM = [
  ...['-Xms1g', '-Xmx1g', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35'],
  '-XX:TieredStopAtLevel=1',
];

export const DEPLOYMENTS = ['sqlite', 'kafka', 'apart'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

/** A broker or a database, started for the bench. */
export interface Engine {
  name: 'broker' | 'database (a stand-in for MongoDB)';
  pid: number;
}

export interface Site {
  deployment: Deployment;
  /** The roles of each process; the first has the API. */
  processes: readonly string[];
  /** For Node, of each of these processes. */
  nodeArguments: readonly string[];
  /** What they are served by; SQLite has none. */
  engines: readonly Engine[];
  /** For the processes of one start: each start has topics and a database of its own. */
  environment(): Record<string, string>;
  /** To be called once a process of a start has made its stores. */
  prepare(environment: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

/** Starts the engines that `npm run engines` has provided; SQLite needs none. */
export async function openSite(
  deployment: Deployment,
  { nodeArguments = [] }: Partial<Pick<Site, 'nodeArguments'>> = {},
): Promise<Site> {
  if (deployment === 'sqlite') {
    const nothing = async () => {};
    return {
      ...{ deployment, processes: ['all'], nodeArguments, engines: [] },
      ...{ environment: () => ({}), prepare: nothing, close: nothing },
    };
  }
  const [broker, mongod] = await Promise.all([newBroker({ jvm: JVM }), newMongod({ durable: false })]);
  const keys = {
    HOOKLANE_ADMIN_TOKEN: randomBytes(24).toString('hex'),
    HOOKLANE_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    deployment,
    nodeArguments,
    engines: [
      { name: 'broker', pid: broker.pid() ?? 0 },
      { name: 'database (a stand-in for MongoDB)', pid: mongod.pid() ?? 0 },
    ],
    processes: deployment === 'kafka' ? ['all'] : ['api', 'record', 'dispatch', 'project'],
    environment() {
      const name = `bench-${randomBytes(4).toString('hex')}`;
      return {
        ...keys,
        HOOKLANE_LOG: broker.url,
        HOOKLANE_VIEWS: mongod.url.replace('/?', `/${name}?`),
        HOOKLANE_TOPIC_PREFIX: `${name}.`,
      };
    },
    prepare: ({ HOOKLANE_VIEWS: url = '' }) => indexStandIn(url),
    async close() {
      await Promise.all([broker.close(), mongod.close()]);
    },
  };
}
