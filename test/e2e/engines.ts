// The engines that the product is tested on as its users run it: what is asked of it does not depend on them.

import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Owner } from '../support/directory.ts';
import { kafkaUrl, missing, mongodbUrl } from '../support/engines.ts';
import { dropDatabase } from '../support/mongod.ts';

type Environment = Readonly<Record<string, string>>;

/** What configures the engines of the processes of a test, by their data directory. */
const ENGINES = new WeakMap<Owner, (directory: string) => Environment>();

/** Runs a test on SQLite, and on Kafka and MongoDB where they can be had. */
export function testOnAllEngines(name: string, body: (t: TestContext) => Promise<void>): void {
  test(name, body);
  test(`${name} (Kafka, MongoDB)`, { skip: missing('kafka') || missing('mongodb') }, async (t) => {
    ENGINES.set(t, (directory) => clusterOf(t, directory));
    await body(t);
  });
}

/** What a process of the test has to be told, whose data directory this is. */
export function enginesOf(t: Owner, directory: string | undefined): Environment {
  return (directory && ENGINES.get(t)?.(directory)) || {};
}

const known = new Map<string, Environment>();

/** Topics and a database of a directory's own, so that processes of one directory share them. */
export function clusterOf(t: TestContext, directory: string): Environment {
  const has = known.get(directory);
  if (has !== undefined) return has;
  const name = `e2e-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
  const views = (mongodbUrl ?? '').replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*/, `$1/${name}`);
  const environment = {
    HOOKLANE_LOG: kafkaUrl ?? '',
    HOOKLANE_VIEWS: views,
    HOOKLANE_TOPIC_PREFIX: `${name}.`,
    // Few, and a dead process missed soon: the tests kill many.
    HOOKLANE_PARTITIONS: '4',
    HOOKLANE_KAFKA_SESSION: '1s',
  };
  known.set(directory, environment);
  t.after(() => dropDatabase(views));
  return environment;
}
