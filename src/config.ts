// The environment, checked once, to a typed Config. Options of a command (`--port`) stand above the environment.
//
// All that is wrong is reported at once, one line each: what is set, to what, and what is allowed. A variable that
// is empty counts as not set; one that begins with HOOKLANE_ and is not known is refused, as a slip of the pen
// would otherwise be a setting silently ignored. The values of secrets are never shown. Reads no file.

import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { unknownNames, type Variable } from './config-names.ts';
import {
  ADMIN_TOKEN,
  BODY_LIMIT,
  CIDRS,
  DAY_MS,
  DISABLE_AFTER,
  HISTORY,
  HOST,
  LEVEL,
  LOG,
  LOOPBACK,
  MASTER_KEYS,
  MECHANISM,
  ORIGINS,
  PARTITIONS,
  type PinoLevel,
  PORT,
  PROXY,
  RATE_LIMIT,
  REDIS,
  REPLICATION,
  RETENTION,
  type Rule,
  SCRUB,
  SESSION,
  TOPIC_PREFIX,
  VIEWS,
  YES_OR_NO,
} from './config-rules.ts';
import type { DestinationRules } from './destinations.ts';
import type { KafkaConfig, KafkaUrl, SaslMechanism } from './kafka-url.ts';
import { DEFAULT_SCRUB_RULES, type ScrubRules } from './scrub-rules.ts';
import type { MasterKeys } from './secrets.ts';
import { formatDuration } from './time.ts';

/** Where a certificate and its key are, as PEM. Absolute. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Config {
  /** NODE_ENV is `production`: Origins are checked, and the rules for outbound addresses are strict. */
  readonly production: boolean;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly log: 'sqlite' | KafkaConfig;
  /** `url` begins with mongodb:// or mongodb+srv://. */
  readonly views: 'sqlite' | { readonly url: string };
  /** Undefined: made at first use and kept in the data directory (keys.ts); so are master keys. */
  readonly adminToken: string | undefined;
  readonly masterKeys: MasterKeys | undefined;
  /** What is scrubbed from payloads. */
  readonly scrub: ScrubRules;
  /** What the names of topics begin with. */
  readonly topicPrefix: string;
  /** Undefined: as many as the log has, or its default for a new one. */
  readonly partitions: number | undefined;
  /** Ranges of addresses that are not public and yet may be sent to, as CIDR. */
  readonly allowAddresses: readonly string[];
  /** Whether production may send to `http://` as well. */
  readonly allowHttp: boolean;
  /** The proxy through which webhooks are sent; undefined: none. */
  readonly proxy: string | undefined;
  /** For how long an endpoint may do nothing but fail before it is disabled; Infinity: for ever. */
  readonly disableAfterMs: number;
  /** For how long read models keep history, and the payloads in it, which is no longer; Infinity: for ever. */
  readonly retention: { readonly documentsMs: number; readonly payloadsMs: number };
  readonly logLevel: PinoLevel;
  /** The rate limits of integrations that have none of their own, as `3/6s`; null is none. */
  readonly burst: string | null;
  readonly sustained: string | null;
  /** How many requests of one address may have no token that is known, as `600/1m`; null: any number. */
  readonly unauthenticated: string | null;
  /** Pages of these origins may post from browsers; `*`: of any. */
  readonly cors: readonly string[];
  /** With what the API speaks TLS; undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Of the payload of a post, unpacked; in bytes. */
  readonly bodyBytes: number;
  /** Addresses of proxies, as CIDRs, that are believed when they say for whom they ask. */
  readonly trustProxy: readonly string[];
  /** Where rate limits are counted across processes, `redis://` or `rediss://`; undefined: in each process. */
  readonly redis: string | undefined;
}

const DEFAULT_BODY_BYTES = 256 * 1024;

/** Options of commands that stand above the environment, as commander hands them over. */
export interface ConfigFlags {
  host?: string | undefined;
  port?: string | undefined;
}

/** One thing that is wrong. `value` is missing where it is, or may be, secret. */
export interface ConfigProblem {
  /** The variable, the option or the file. */
  name: string;
  value?: string;
  message: string;
}

/** What is configured cannot be used. The message has a line for each problem. */
export class InvalidConfig extends Error {
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(problems.map(problemLine).join('\n'), options);
    this.name = 'InvalidConfig';
    this.problems = problems;
  }
}

function problemLine({ name, value, message }: ConfigProblem): string {
  return value === undefined ? `${name} ${message}` : `${name}=${JSON.stringify(value)} ${message}`;
}

/** The text of an option, by the option's name. */
interface Given {
  name: string;
  text: string | undefined;
}

/**
 * Checks the environment and the options, and throws InvalidConfig with everything that is wrong with them. A
 * relative data directory is taken from `cwd`.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  flags: ConfigFlags = {},
  cwd: string = process.cwd(),
): Config {
  const problems: ConfigProblem[] = unknownNames(env);

  /** What a variable says, or the option of a command that stands above it. */
  function read<T, D>(name: Variable, rule: Rule<T>, whenMissing: D, option?: Given): T | D {
    const given = option?.text === undefined ? { name, text: env[name] || undefined } : option;
    if (given.text === undefined) return whenMissing;
    const value = rule.parse(given.text);
    if (value !== undefined) return value;
    const message = rule.refusal?.(given.text) ?? `is not allowed; allowed: ${rule.allowed}`;
    const shown = rule.secret ? {} : { value: withoutPassword(given.text) };
    problems.push({ name: given.name, ...shown, message });
    return whenMissing;
  }

  function logEngine(): Config['log'] {
    const given = read('HOOKLANE_LOG', LOG, 'sqlite');
    const tls = read('HOOKLANE_KAFKA_TLS', YES_OR_NO, undefined);
    const mechanism = read('HOOKLANE_KAFKA_SASL', MECHANISM, undefined);
    const username = env.HOOKLANE_KAFKA_USERNAME || undefined;
    const password = env.HOOKLANE_KAFKA_PASSWORD || undefined;
    const caFile = env.HOOKLANE_KAFKA_CA ? resolve(cwd, env.HOOKLANE_KAFKA_CA) : undefined;
    const others = {
      replication: read('HOOKLANE_KAFKA_REPLICATION', REPLICATION, undefined),
      retentionMs: read('HOOKLANE_KAFKA_RETENTION', RETENTION, undefined),
      sessionMs: read('HOOKLANE_KAFKA_SESSION', SESSION, 10_000),
    };
    if (given === 'sqlite') return given;
    const login = { username: username ?? given.username, password: password ?? given.password };
    return {
      brokers: given.brokers,
      tls: (tls ?? (given.tls || caFile !== undefined)) ? { caFile } : undefined,
      sasl: sasl(mechanism ?? given.mechanism, login),
      ...others,
    };
  }

  function sasl(
    mechanism: SaslMechanism | undefined,
    { username, password }: Pick<KafkaUrl, 'username' | 'password'>,
  ): KafkaConfig['sasl'] {
    if (mechanism === undefined && username === undefined) return undefined;
    if (username !== undefined && password !== undefined) {
      return { mechanism: mechanism ?? 'plain', username, password };
    }
    const missing = username === undefined ? 'HOOKLANE_KAFKA_USERNAME' : 'HOOKLANE_KAFKA_PASSWORD';
    problems.push({ name: missing, message: 'is missing, and so it is in HOOKLANE_LOG' });
    return undefined;
  }

  function tls(): Config['tls'] {
    const { HOOKLANE_TLS_CERT: cert, HOOKLANE_TLS_KEY: key } = env;
    if (cert && key) return { certFile: resolve(cwd, cert), keyFile: resolve(cwd, key) };
    if (!cert && !key) return undefined;
    const [missing, other] = cert
      ? ['HOOKLANE_TLS_KEY', 'HOOKLANE_TLS_CERT']
      : ['HOOKLANE_TLS_CERT', 'HOOKLANE_TLS_KEY'];
    problems.push({ name: missing, message: `is missing, and ${other} is set` });
    return undefined;
  }

  function retention(): Config['retention'] {
    const documentsMs = read('HOOKLANE_RETENTION', HISTORY, Number.POSITIVE_INFINITY);
    const payloadsMs = read('HOOKLANE_PAYLOAD_RETENTION', HISTORY, documentsMs);
    if (payloadsMs > documentsMs) {
      const message = `is more than HOOKLANE_RETENTION; allowed: up to ${formatDuration(documentsMs)}`;
      problems.push({
        name: 'HOOKLANE_PAYLOAD_RETENTION',
        value: formatDuration(payloadsMs),
        message,
      });
    }
    return { documentsMs, payloadsMs };
  }

  const production = env.NODE_ENV === 'production';
  const config: Config = {
    production,
    host: read('HOST', HOST, '127.0.0.1', { name: '--host', text: flags.host }),
    port: read('PORT', PORT, 3000, { name: '--port', text: flags.port }),
    dataDirectory: resolve(cwd, env.HOOKLANE_DATA || 'data'),
    log: logEngine(),
    views: read('HOOKLANE_VIEWS', VIEWS, 'sqlite'),
    adminToken: read('HOOKLANE_ADMIN_TOKEN', ADMIN_TOKEN, undefined),
    masterKeys: read('HOOKLANE_MASTER_KEY', MASTER_KEYS, undefined),
    scrub: read('HOOKLANE_SCRUB', SCRUB, DEFAULT_SCRUB_RULES),
    topicPrefix: read('HOOKLANE_TOPIC_PREFIX', TOPIC_PREFIX, 'hooklane.'),
    partitions: read('HOOKLANE_PARTITIONS', PARTITIONS, undefined),
    allowAddresses: read('HOOKLANE_ALLOW_ADDRESSES', CIDRS, production ? [] : LOOPBACK),
    allowHttp: read('HOOKLANE_ALLOW_HTTP', YES_OR_NO, false),
    proxy: read('HOOKLANE_PROXY', PROXY, undefined),
    disableAfterMs: read('HOOKLANE_DISABLE_AFTER', DISABLE_AFTER, 5 * DAY_MS),
    retention: retention(),
    logLevel: read('HOOKLANE_LOG_LEVEL', LEVEL, 'info'),
    burst: read('HOOKLANE_BURST', RATE_LIMIT, '3/6s'),
    sustained: read('HOOKLANE_SUSTAINED', RATE_LIMIT, '100/1h'),
    unauthenticated: read('HOOKLANE_UNAUTHENTICATED', RATE_LIMIT, '600/1m'),
    cors: read('HOOKLANE_CORS', ORIGINS, []),
    tls: tls(),
    bodyBytes: read('HOOKLANE_BODY_LIMIT', BODY_LIMIT, DEFAULT_BODY_BYTES),
    trustProxy: read('HOOKLANE_TRUST_PROXY', CIDRS, []),
    redis: read('HOOKLANE_REDIS', REDIS, undefined),
  };
  if (problems.length > 0) throw new InvalidConfig(problems);
  return config;
}

/** Where webhooks may be sent by this configuration. */
export function destinationRules({ production, allowHttp, allowAddresses }: Config): DestinationRules {
  return { httpsOnly: production && !allowHttp, allowAddresses };
}

/** The user and password of a URL may be all that is secret in it. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}

/** Where a server of this configuration is to be reached from here. */
export function urlOf({ host, port, tls }: Pick<Config, 'host' | 'port' | 'tls'>): string {
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http${tls === undefined ? '' : 's'}://${isIPv6(here) ? `[${here}]` : here}:${port}`;
}
