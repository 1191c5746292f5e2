// Engines for the tests from Docker, by testcontainers, where a Docker engine answers. Nothing here waits for long:
// a machine whose Docker or registry does not answer has other engines to go on with.

import { GenericContainer, getContainerRuntimeClient, ImageName, Wait } from 'testcontainers';
import type { Engine } from './provisioned.ts';
import { freePort } from './server.ts';

export const IMAGES = {
  kafka: 'apache/kafka:4.3.1',
  mongodb: 'mongo:8',
  redis: 'redis:8',
} as const satisfies Record<Engine, string>;

const ANSWER_MS = 3_000;
const PULL_MS = 20_000;
const START_MS = 30_000;

/** An engine that runs, and how it is stopped. */
export interface Running {
  url: string;
  close(): Promise<unknown>;
}

type Docker = Awaited<ReturnType<typeof getContainerRuntimeClient>>;

/** The Docker engine of this machine; undefined: none answers. */
export async function findDocker(): Promise<Docker | undefined> {
  try {
    return await within(ANSWER_MS, 'Docker to answer', getContainerRuntimeClient());
  } catch {
    return undefined; // there is none, which is the answer
  }
}

/** Starts an engine in a container. Rejects with a line that says why it cannot be had. */
export async function startContainer(docker: Docker, engine: Engine): Promise<Running> {
  const image = ImageName.fromString(IMAGES[engine]);
  if (!(await within(ANSWER_MS, 'Docker to answer', docker.image.exists(image)))) {
    await within(PULL_MS, `docker pull ${image.string}`, docker.image.pull(image));
  }
  return within(START_MS + ANSWER_MS, `${image.string} to start`, start[engine](image.string));
}

const start: Record<Engine, (image: string) => Promise<Running>> = {
  async kafka(image) {
    const port = await freePort(); // Kafka tells its clients where it is, so the port has to be known beforehand
    const container = await new GenericContainer(image)
      .withExposedPorts({ container: port, host: port })
      .withEnvironment(kafkaEnvironment(port))
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .withStartupTimeout(START_MS)
      .start();
    return { url: `kafka://127.0.0.1:${port}`, close: () => container.stop() };
  },
  async mongodb(image) {
    const container = await new GenericContainer(image)
      .withExposedPorts(27017)
      .withWaitStrategy(Wait.forLogMessage(/waiting for connections|listening on/i))
      .withStartupTimeout(START_MS)
      .start();
    const url = `mongodb://${container.getHost()}:${container.getMappedPort(27017)}/?directConnection=true`;
    return { url, close: () => container.stop() };
  },
  async redis(image) {
    const container = await new GenericContainer(image)
      .withExposedPorts(6379)
      .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/i))
      .withStartupTimeout(START_MS)
      .start();
    const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`;
    return { url, close: () => container.stop() };
  },
};

/** The settings of broker.ts as apache/kafka takes them. */
function kafkaEnvironment(port: number): Record<string, string> {
  return {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
    KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS: '500',
  };
}

/** `promise`, or a rejection that says what was not there in time. */
async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
