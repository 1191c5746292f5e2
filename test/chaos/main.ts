// npm run chaos -- --kills N --minutes M --seed S --engine sqlite|kafka: kills a server again and again under load, and
// prints what all of it came to. On Kafka the broker is killed and frozen as well. Ends with 1 if anything is not as it must be.

import { parseArgs } from 'node:util';
import { startBroker } from '../support/broker.ts';
import type { Owner } from '../support/directory.ts';
import { uniqueDatabase, uniquePrefix } from '../support/engines.ts';
import { startMongod } from '../support/mongod.ts';
import { type ChaosOptions, chaos } from './chaos.ts';
import { table } from './reconcile.ts';

const USAGE = `Usage: npm run chaos -- [--kills N] [--minutes M] [--seed S] [--engine sqlite|kafka]

  --kills    how often the server is killed (default: 200; with --minutes: any number)
  --minutes  for how long it is killed (default: until all kills are done)
  --seed     what decides when it is killed, frozen and short of disk (default: any)
  --engine   sqlite (default), or kafka: with a MongoDB-wire server, both of npm run engines;
             then the broker is killed and frozen as well

Example: npm run chaos -- --minutes 5 --seed 7
`;
const DEFAULT_KILLS = 200;
const MINUTE_MS = 60_000;

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${USAGE}`);
  process.exit(2);
}

function numberOf(name: string, given: string | undefined, pattern: RegExp): number | undefined {
  if (given !== undefined && !pattern.test(given))
    refuse(`--${name} ${given} is not a number that it may be`);
  return given === undefined ? undefined : Number(given);
}

function parse() {
  const text = { type: 'string' } as const;
  const options = {
    kills: text,
    minutes: text,
    seed: text,
    engine: text,
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** What is given away when the run has ended, however it has. */
const ends: (() => unknown)[] = [];
const owner: Owner = { after: (end: () => unknown) => void ends.push(end) };

async function endAll(): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
}

async function startEngines(): Promise<Pick<ChaosOptions, 'engines' | 'broker'>> {
  const [broker, mongod] = await Promise.all([startBroker(owner), startMongod(owner)]);
  const engines = {
    HOOKLANE_LOG: broker.url,
    HOOKLANE_VIEWS: uniqueDatabase(mongod.url),
    HOOKLANE_TOPIC_PREFIX: uniquePrefix(),
    // Few, and a dead process missed soon.
    HOOKLANE_PARTITIONS: '4',
    HOOKLANE_KAFKA_SESSION: '1s',
  };
  return { engines, broker };
}

const values = parse();
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const minutes = numberOf('minutes', values.minutes, /^\d{1,5}(\.\d+)?$/);
const kills = numberOf('kills', values.kills, /^[1-9]\d{0,6}$/);
const seed = numberOf('seed', values.seed, /^\d{1,9}$/) ?? Date.now() % 1_000_000;
const { engine = 'sqlite' } = values;
if (engine !== 'sqlite' && engine !== 'kafka')
  refuse(`--engine ${engine} is not known; allowed: sqlite, kafka`);

process.once('SIGINT', () => void endAll().finally(() => process.exit(130)));
process.stdout.write(`seed ${seed}\n`);
try {
  const { rows, wrong } = await chaos(owner, {
    seed,
    kills: kills ?? (minutes === undefined ? DEFAULT_KILLS : Number.POSITIVE_INFINITY),
    withinMs: (minutes ?? Number.POSITIVE_INFINITY) * MINUTE_MS,
    ...(engine === 'kafka' ? await startEngines() : {}),
    tell: (line) => process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K` : ''),
  });
  process.stderr.write(process.stderr.isTTY ? '\r\x1b[K' : '');
  process.stdout.write(`\n${table(rows)}\n\n`);
  for (const line of wrong.slice(0, 50)) process.stdout.write(`✖ ${line}\n`);
  process.stdout.write(
    wrong.length === 0 ? '✔ all is accounted for\n' : `✖ ${wrong.length} things are wrong (seed ${seed})\n`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  await endAll();
}
