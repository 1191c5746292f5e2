// What is measured: Hooklane on SQLite, in one process; on Kafka and MongoDB, in one process; or there with a process for
// each role. Said by the argument of npm run bench.

import { randomBytes } from 'node:crypto';
import { newBroker } from '../test/support/broker.ts';
import { newMongod } from '../test/support/mongod.ts';

export const DEPLOYMENTS = ['sqlite', 'kafka', 'apart'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

export interface Site {
  deployment: Deployment;
  /** The roles of each process; the first has the API. */
  processes: readonly string[];
  /** For Node, of each of these processes. */
  nodeArguments: readonly string[];
  /** For the processes of one start: each start has topics and a database of its own. */
  environment(): Record<string, string>;
  close(): Promise<void>;
}

/** Starts the engines that `npm run engines` has provided; SQLite needs none. */
export async function openSite(
  deployment: Deployment,
  { nodeArguments = [] }: Partial<Pick<Site, 'nodeArguments'>> = {},
): Promise<Site> {
  if (deployment === 'sqlite') {
    return { deployment, processes: ['all'], nodeArguments, environment: () => ({}), close: async () => {} };
  }
  const [broker, mongod] = await Promise.all([newBroker(), newMongod({ durable: false })]);
  const keys = {
    HOOKLANE_ADMIN_TOKEN: randomBytes(24).toString('hex'),
    HOOKLANE_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    deployment,
    nodeArguments,
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
    async close() {
      await Promise.all([broker.close(), mongod.close()]);
    },
  };
}
