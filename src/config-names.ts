// The names of everything that is configured through the environment, and what to say of a name that looks like one of
// them and is not: a slip of the pen would otherwise be a setting silently ignored. Pure.

import { nearest } from './nearest.ts';

/** All variables that loadConfig() reads. */
export const VARIABLES = [
  'HOST',
  'PORT',
  'NODE_ENV',
  'HOOKLANE_DATA',
  'HOOKLANE_LOG',
  'HOOKLANE_VIEWS',
  'HOOKLANE_REDIS',
  'HOOKLANE_ADMIN_TOKEN',
  'HOOKLANE_MASTER_KEY',
  'HOOKLANE_SCRUB',
  'HOOKLANE_TOPIC_PREFIX',
  'HOOKLANE_PARTITIONS',
  'HOOKLANE_KAFKA_TLS',
  'HOOKLANE_KAFKA_CA',
  'HOOKLANE_KAFKA_SASL',
  'HOOKLANE_KAFKA_USERNAME',
  'HOOKLANE_KAFKA_PASSWORD',
  'HOOKLANE_KAFKA_REPLICATION',
  'HOOKLANE_KAFKA_RETENTION',
  'HOOKLANE_KAFKA_SESSION',
  'HOOKLANE_ALLOW_ADDRESSES',
  'HOOKLANE_ALLOW_HTTP',
  'HOOKLANE_PROXY',
  'HOOKLANE_DISABLE_AFTER',
  'HOOKLANE_RETENTION',
  'HOOKLANE_PAYLOAD_RETENTION',
  'HOOKLANE_LOG_LEVEL',
  'HOOKLANE_BURST',
  'HOOKLANE_SUSTAINED',
  'HOOKLANE_UNAUTHENTICATED',
  'HOOKLANE_TRUST_PROXY',
  'HOOKLANE_BODY_LIMIT',
  'HOOKLANE_CORS',
  'HOOKLANE_TLS_CERT',
  'HOOKLANE_TLS_KEY',
] as const;
export type Variable = (typeof VARIABLES)[number];

/** Read by commands that ask a server (HOOKLANE_URL), and by tests. */
const OTHERS_READ = /^HOOKLANE_(URL|TOKEN|TEST_.*)$/;

/** A problem for each name that looks like ours and is not; its value may be a secret in the wrong place. */
export function unknownNames(
  env: Readonly<Record<string, string | undefined>>,
): { name: string; message: string }[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('HOOKLANE_') && !OTHERS_READ.test(name))
    .filter((name) => !VARIABLES.some((known) => known === name))
    .map((name) => ({ name, message: `is not known; did you mean ${nearest(name, VARIABLES)}?` }));
}
