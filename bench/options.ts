// What npm run bench is asked for, from its arguments. Pure.

import { parseArgs } from 'node:util';
import { DEPLOYMENTS, type Deployment } from './deployment.ts';

export interface Options {
  deployment: Deployment;
  /** The only measure to run; undefined: all that are run without being named. */
  only: string | undefined;
  /** How often each is run. */
  runs: number;
  /** Whether load and server get cores of their own. */
  pin: boolean;
  /** Whether long measures are run without being named. */
  all: boolean;
  /** Whether counts are a twentieth: to see that a measure works. Nothing is written. */
  quick: boolean;
  /** The most organizations of measures that have many. */
  organizations: number;
  /** A data directory that bench:history has filled and kept. */
  history: string | undefined;
  help: boolean;
}

/** Arguments that cannot be meant; the message is one line, for people. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

const ARGUMENTS = {
  runs: { type: 'string', default: '1' },
  pin: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  organizations: { type: 'string', default: '10000' },
  history: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Throws UsageError. `measures`: the names of all that there are. */
export function readOptions(args: string[], measures: readonly string[]): Options {
  const { values, positionals } = parsed(args);
  const [deployment = 'sqlite', only, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one measure at a time, or none for all: ${more.join(' ')}`);
  if (only !== undefined && !measures.includes(only))
    throw new UsageError(`there is no measure ${only}; there are ${measures.join(', ')}`);
  const { pin, all, quick, history, help } = values;
  return {
    deployment: deploymentOf(deployment),
    only,
    runs: wholeOf('runs', values.runs, 1),
    organizations: wholeOf('organizations', values.organizations, 100),
    ...{ pin, all, quick, history, help },
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options: ARGUMENTS, allowPositionals: true });
  } catch (error) {
    // What parseArgs says goes on for several sentences, about other things.
    const [first = ''] = (error as Error).message.split(/\. |\n/);
    const known = Object.keys(ARGUMENTS).map((name) => `--${name}`);
    throw new UsageError(`${first}; there are ${known.join(', ')}`);
  }
}

function deploymentOf(text: string): Deployment {
  const found = DEPLOYMENTS.find((deployment) => deployment === text);
  if (found === undefined)
    throw new UsageError(`${text} is no deployment; there are ${DEPLOYMENTS.join(', ')}`);
  return found;
}

function wholeOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} takes a whole number, ${least} or more, not ${text}`);
  return value;
}

/** What --help prints. */
export function help(usual: readonly string[], long: readonly string[]): string {
  return `npm run bench [-- [sqlite|kafka|apart [MEASURE]] [OPTIONS]]

Measures Hooklane beside what the bare parts can do, prints a table, and keeps the rows in bench/results/latest.json
(kafka.json, apart.json), in the place of those that the same measures made before, unless it is one run of one measure, or
--quick. Without a name it takes some 7 minutes.

Measures:
${usual.map((name) => `  ${name}`).join('\n')}
and only by their names, or with --all (some 10 minutes more):
${long.map((name) => `  ${name}`).join('\n')}

Options:
  --runs N            run each N times; the table tells the median, and the least and the most (1)
  --pin               load generator and receiver on one core, the server on the others (needs taskset)
  --all               the long measures as well
  --quick             a twentieth of each count, to see that it works: the figures mean nothing
  --organizations N   how many there are at the most, of measures with many (10000)
  --history DIR       measureHistoryGrowth: a directory that bench:history has kept
  --help              this

Examples:
  npm run bench
  npm run bench -- --runs 3 --pin
  npm run bench -- sqlite measureOrganizations --organizations 2000
  npm run bench -- sqlite measureOrganizationGrowth --organizations 100000
  npm run bench -- sqlite measureHistoryGrowth --history /var/tmp/history
  npm run bench -- apart measureTakeover
`;
}
