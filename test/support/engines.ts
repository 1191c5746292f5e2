// The engines of a run of tests: Kafka, a MongoDB-wire server and Redis, started once for the whole run by
// test/support/engines-setup.ts and shared by all files. A test says what it needs, and takes names of its own:
//
//   test('…', { skip: missing('kafka') }, async () => { open(kafkaUrl, uniquePrefix()) … });
//
// Tests that stop, break or configure an engine have one of their own: broker.ts, mongod.ts, redis.ts.

import { randomBytes } from 'node:crypto';
import { commandOf, type Engine, VARIABLES } from './provisioned.ts';

/** `kafka://host:port`, plain and without login; undefined: there is none. */
export const kafkaUrl: string | undefined = process.env[VARIABLES.kafka] || undefined;
/** `mongodb://…`, without a database: see `uniqueDatabase`. */
export const mongodbUrl: string | undefined = process.env[VARIABLES.mongodb] || undefined;
/** `redis://host:port`. */
export const redisUrl: string | undefined = process.env[VARIABLES.redis] || undefined;

const NAMES = { kafka: 'Kafka', mongodb: 'MongoDB', redis: 'Redis' } as const satisfies Record<
  Engine,
  string
>;

/** Set (by CI): what is missing is a failure. */
export const REQUIRE = 'HOOKLANE_TEST_REQUIRE_ENGINES';

/** The `skip` of a test that needs the run's shared engine: false, or why it is skipped. Throws where CI requires it. */
export function missing(engine: Engine): false | string {
  return process.env[VARIABLES[engine]] ? false : unavailable(engine);
}

/** The same for a test that starts an engine of its own. */
export function missingOwn(engine: Engine): false | string {
  return commandOf(engine) ? false : unavailable(engine);
}

function unavailable(engine: Engine): string {
  const reason = nowhere(engine);
  if (process.env[REQUIRE]) throw new Error(reason);
  return reason;
}

/** In one line: what is missing and how to have it. */
export function nowhere(engine: Engine): string {
  return `no ${NAMES[engine]}: run npm run engines, or set ${VARIABLES[engine]} (npm test starts what is there)`;
}

/** What topics of one test start with: nobody else's do. */
export function uniquePrefix(): string {
  return `t-${randomBytes(6).toString('hex')}.`;
}

/** The address of a MongoDB database that nobody else has; to be dropped when the test ends. */
export function uniqueDatabase(url: string = mongodbUrl ?? ''): string {
  return url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*/, `$1/t-${randomBytes(6).toString('hex')}`);
}
