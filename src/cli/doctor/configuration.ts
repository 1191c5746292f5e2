// The environment, variable by variable, and as much of a configuration as is right. Pure.

import { type Config, type ConfigProblem, InvalidConfig, loadConfig, withoutPassword } from '../../config.ts';
import { VARIABLES } from '../../config-names.ts';
import { type Check, checksOf } from './check.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Configured {
  checks: Check[];
  /** What is wrong is as if it were not set. */
  config: Config;
  /** Variables that are wrong. */
  wrong: ReadonlySet<string>;
  /** Engines that nobody knows the place of, as the variables that say it are wrong. */
  unknown: { log: boolean; views: boolean };
}

const { ok, warning, problem } = checksOf('configuration');

const SECRET = /TOKEN|KEY$|PASSWORD/;
const OF_TLS = /^HOOKLANE_TLS_/;
const OF_LOG = /^HOOKLANE_(LOG|KAFKA_.*|TOPIC_PREFIX|PARTITIONS)$/;

/** Looks at the environment. Throws InvalidConfig where nothing of it can be used, which no environment leads to. */
export function judgeConfiguration(env: Env, cwd: string): Configured {
  const problems = problemsOf(env, cwd);
  const wrong = new Set(problems.map(({ name }) => name));
  const unknown = { log: [...wrong].some((name) => OF_LOG.test(name)), views: wrong.has('HOOKLANE_VIEWS') };
  const tlsIsWrong = [...wrong].some((name) => OF_TLS.test(name));
  // Half of what counts only as a whole would be wrong again.
  const isHalf = (name: string) =>
    (unknown.log && /^HOOKLANE_(LOG|KAFKA_.*)$/.test(name)) || (tlsIsWrong && OF_TLS.test(name));
  const right = Object.entries(env).filter(([name]) => !wrong.has(name) && !isHalf(name));
  const config = loadConfig(Object.fromEntries(right), {}, cwd);
  const set = VARIABLES.filter((name) => env[name] && !wrong.has(name));
  const others = VARIABLES.filter((name) => !env[name] && !wrong.has(name));
  return {
    config,
    wrong,
    unknown,
    checks: [
      ...problems.map(wrongOne),
      ...set.filter((name) => name !== 'NODE_ENV').map((name) => ok(name, shown(name, env[name] ?? ''))),
      ok('defaults', `not set, and so as they are by default: ${others.join(', ')}`),
      judgeProduction(env.NODE_ENV, config),
      ...judgeProxies(env, config),
    ],
  };
}

function problemsOf(env: Env, cwd: string): readonly ConfigProblem[] {
  try {
    loadConfig(env, {}, cwd);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfig) return error.problems;
    throw error;
  }
}

const MENDS: [says: RegExp, mend: string][] = [
  [/^is missing/, 'set it'],
  [/^is not known/, 'correct its name, or unset it'],
];

function wrongOne({ name, value, message }: ConfigProblem): Check {
  const detail = value === undefined ? message : `${JSON.stringify(value)} ${message}`;
  const [, mend = `set ${name} to what is allowed, or unset it`] =
    MENDS.find(([says]) => says.test(message)) ?? [];
  return problem(name, detail, mend);
}

/** Of a URL neither the login nor the options, which may hold secrets. */
function shown(name: string, value: string): string {
  if (SECRET.test(name)) return 'is set (not shown)';
  return withoutPassword(value).replace(/^(\w[\w+.-]*:\/\/[^?]*)\?.*$/, '$1?…');
}

function judgeProduction(nodeEnv: string | undefined, { host, production }: Config): Check {
  if (production) return ok('NODE_ENV', 'production: the production rules are on');
  const value = nodeEnv === undefined || nodeEnv === '' ? 'is not set' : `is ${JSON.stringify(nodeEnv)}`;
  const detail = `${value}: the production rules are off (Origins are not checked, http and loopback may be sent to)`;
  const isMeant = isLoopback(host) && !/^prod/i.test(nodeEnv ?? '');
  if (isMeant) return ok('NODE_ENV', detail);
  return warning('NODE_ENV', detail, 'set NODE_ENV=production where others can reach it');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Their values are not shown, as they may hold a login. */
function judgeProxies(env: Env, { proxy }: Config): Check[] {
  const set = Object.keys(env).filter((name) => /^(https?|all)_proxy$/i.test(name) && env[name]);
  if (set.length === 0) return [];
  const detail = `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set, and not heard`;
  if (proxy !== undefined) return [ok('proxies', `${detail}: webhooks go through HOOKLANE_PROXY`)];
  return [warning('proxies', detail, 'set HOOKLANE_PROXY if webhooks are to go through a proxy')];
}
