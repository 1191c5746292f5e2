// What `npm run engines` provides, where it lies, and how it is called. The engines are for tests alone.
//
// Everything is below one directory of the user's cache. Nothing here starts or fetches anything: scripts/engines.ts
// fetches, test/support/server.ts starts.

import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export const ENGINES = ['kafka', 'mongodb', 'redis'] as const;
export type Engine = (typeof ENGINES)[number];

/** The variable that names a running engine for the tests, or the one that the run of tests has started. */
export const VARIABLES = {
  kafka: 'HOOKLANE_TEST_KAFKA',
  mongodb: 'HOOKLANE_TEST_MONGODB',
  redis: 'HOOKLANE_TEST_REDIS',
} as const satisfies Record<Engine, string>;

export const KAFKA = {
  version: '4.3.1',
  artifacts: ['org.apache.kafka:kafka_2.13:4.3.1', 'org.slf4j:slf4j-simple:1.7.36'],
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the engines lie: below $XDG_CACHE_HOME, or ~/.cache. */
export function enginesDirectory(env: Environment = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hooklane', 'engines');
}

/** The places of the parts, below the directory of the engines. */
export function places(directory: string = enginesDirectory()) {
  const python = join(directory, 'python');
  return {
    kafkaJars: join(directory, `kafka-${KAFKA.version}`),
    /** A virtual environment: SecantusDB, and Redis where there is a wheel of it. */
    python,
    mongodbNative: join(python, 'bin', 'secantusd-rs'),
    mongodbPython: join(python, 'bin', 'secantusd-py'),
    redisWheel: join(python, 'bin', 'redis-server'),
    redisJar: join(directory, 'redis', 'redis-server'),
  };
}

/** The path of a program on the PATH; undefined: it is not there. */
export function onPath(program: string, env: Environment = process.env): string | undefined {
  const candidates = (env.PATH ?? '').split(delimiter).map((directory) => join(directory, program));
  return candidates.find(isExecutable);
}

/** The command, and its first arguments, that starts each engine; undefined: it has not been provided. */
export function commandOf(engine: Engine, env: Environment = process.env): string[] | undefined {
  const at = places(enginesDirectory(env));
  switch (engine) {
    case 'kafka': {
      const java = javaCommand(env);
      return java !== undefined && existsSync(at.kafkaJars)
        ? [java, '-cp', join(at.kafkaJars, '*')]
        : undefined;
    }
    case 'mongodb':
      return firstExecutable([at.mongodbNative, at.mongodbPython]);
    case 'redis':
      return firstExecutable([onPath('redis-server', env), at.redisWheel, at.redisJar]);
  }
}

/** The Java to run Kafka with: $JAVA_HOME's, or the one on the PATH. */
export function javaCommand(env: Environment = process.env): string | undefined {
  return firstExecutable([env.JAVA_HOME && join(env.JAVA_HOME, 'bin', 'java'), onPath('java', env)])?.[0];
}

function firstExecutable(paths: readonly (string | undefined)[]): string[] | undefined {
  const found = paths.find((path) => path !== undefined && path !== '' && isExecutable(path));
  return found === undefined ? undefined : [found];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not to be run by us: the answer to the question
  }
}
