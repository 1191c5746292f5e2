// The environment, checked once, to a typed Config. Options of a command (`--port`) stand above the environment.
//
// All that is wrong is reported at once, one line each: what is set, to what, and what is allowed. A variable that
// is empty counts as not set; one that begins with HOOKLANE_ and is not known is refused, as a slip of the pen
// would otherwise be a setting silently ignored. The values of secrets are never shown. Reads no file.

import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { unknownNames, type Variable } from './config-names.ts';
import type { DestinationRules } from './destinations.ts';
import { MAX_PARTITIONS } from './events.ts';
import {
  KAFKA_URL_ALLOWED,
  type KafkaConfig,
  type KafkaUrl,
  parseKafkaUrl,
  SASL_MECHANISMS,
  type SaslMechanism,
} from './kafka-url.ts';
import { parseRateLimit, RATE_LIMIT_ALLOWED } from './rate-limit.ts';
import { MASTER_KEY_BYTES } from './secrets.ts';
import { formatDuration, parseDuration } from './time.ts';

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
  /** Undefined: made at first use and kept in the data directory (keys.ts); so is the master key. */
  readonly adminToken: string | undefined;
  readonly masterKey: Buffer | undefined;
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
}

/** The levels of Hooklane's own messages. */
const PINO_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type PinoLevel = (typeof PINO_LEVELS)[number];

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
    masterKey: read('HOOKLANE_MASTER_KEY', MASTER_KEY, undefined),
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
  };
  read('HOOKLANE_REDIS', REDIS, undefined);

  if (problems.length > 0) throw new InvalidConfig(problems);
  return config;
}

/** Where webhooks may be sent by this configuration. */
export function destinationRules({ production, allowHttp, allowAddresses }: Config): DestinationRules {
  return { httpsOnly: production && !allowHttp, allowAddresses };
}

// ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What a value must be. */
export interface Rule<T> {
  /** What the text means; undefined: it is not allowed. */
  parse(text: string): T | undefined;
  /** For people, behind `allowed: `. */
  allowed: string;
  /** What to say of certain wrong texts instead. */
  refusal?(text: string): string | undefined;
  secret?: true;
}

/** Bearer tokens travel in a header: no spaces, nothing but ASCII (RFC 9110 section 5.5). */
export const ADMIN_TOKEN: Rule<string> = {
  parse: (text) => (/^[\x21-\x7e]{16,256}$/.test(text) ? text : undefined),
  allowed: '16 to 256 visible ASCII characters without spaces',
  secret: true,
};

export const MASTER_KEY: Rule<Buffer> = {
  parse(text) {
    const key = Buffer.from(text, 'base64');
    // Node skips what is no base64, so only the way back tells whether all of it was.
    return key.length === MASTER_KEY_BYTES && key.toString('base64') === text ? key : undefined;
  },
  allowed: `exactly ${MASTER_KEY_BYTES} bytes in base64, as \`openssl rand -base64 ${MASTER_KEY_BYTES}\` makes them`,
  secret: true,
};

const HOST: Rule<string> = {
  parse: (text) => (isIP(text) || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text) ? text : undefined),
  allowed: 'an IP address or a host name',
};

/** What Kafka allows in the name of a topic, short enough to leave room for ours (its limit is 249). */
const TOPIC_PREFIX: Rule<string> = {
  parse: (text) => (/^[\w.-]{1,100}$/.test(text) ? text : undefined),
  allowed: '1 to 100 of the characters a-z A-Z 0-9 . _ -',
};

const YES_OR_NO: Rule<boolean> = {
  parse: (text) => (text === '1' ? true : text === '0' ? false : undefined),
  allowed: '1 or 0',
};

const LEVEL: Rule<PinoLevel> = {
  parse: (text) => PINO_LEVELS.find((level) => level === text),
  allowed: PINO_LEVELS.join(', '),
};

const LOOPBACK = ['127.0.0.0/8', '::1/128'] as const;

const CIDRS: Rule<readonly string[]> = {
  parse(text) {
    const ranges = text.split(',').map((range) => range.trim());
    return ranges.every(isCidr) ? ranges : undefined;
  },
  allowed: 'ranges of addresses, as 10.0.0.0/8,fd00::/8',
};

/** Whether this is an address of either family, `/`, and how many of its bits lead. */
function isCidr(range: string): boolean {
  const [, address = '', bits = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(range) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128);
}

const REDIS: Rule<undefined> = {
  parse: () => undefined,
  allowed: 'nothing, as redis is not available in this version',
};

const LOG: Rule<'sqlite' | KafkaUrl> = {
  parse: (text) => (text === 'sqlite' ? text : parseKafkaUrl(text)),
  allowed: KAFKA_URL_ALLOWED,
};

/** What stands behind the scheme is for the driver to read: it knows more than we do. */
const VIEWS: Rule<'sqlite' | { url: string }> = {
  parse: (text) =>
    text === 'sqlite' ? text : /^mongodb(\+srv)?:\/\/[^/?#]/.test(text) ? { url: text } : undefined,
  allowed: 'sqlite, or mongodb://host:port,host:port/database?options',
};

const PROXY: Rule<string> = {
  parse: (text) => (/^https?:\/\/[^/?#]+\/?$/.test(text) && URL.canParse(text) ? text : undefined),
  allowed: 'http://host:port or https://host:port, with user:password@ before the host where it wants them',
};

const MECHANISM: Rule<SaslMechanism> = {
  parse: (text) => SASL_MECHANISMS.find((mechanism) => mechanism === text),
  allowed: SASL_MECHANISMS.join(', '),
};

function duration(leastMs: number, mostMs: number): Rule<number> {
  return {
    parse(text) {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= leastMs && ms <= mostMs ? ms : undefined;
    },
    allowed: `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}, as 90s or 12h`,
  };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RETENTION = duration(DAY_MS, 36_500 * DAY_MS);
const HISTORY = duration(HOUR_MS, 36_500 * DAY_MS);
const SESSION = duration(1_000, 300_000);
const FAILING = duration(1_000, 365 * DAY_MS);

const DISABLE_AFTER: Rule<number> = {
  parse: (text) => (text === 'never' ? Number.POSITIVE_INFINITY : FAILING.parse(text)),
  allowed: `${FAILING.allowed}; or never`,
};

function wholeNumber(least: number, most: number, note = ''): Rule<number> {
  return {
    parse(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? value : undefined;
    },
    allowed: `a whole number from ${least} to ${most}${note}`,
  };
}

const PORT = wholeNumber(0, 65_535, ' (0: any free port)');
const PARTITIONS = wholeNumber(1, MAX_PARTITIONS);
const REPLICATION = wholeNumber(1, 100);

const RATE_LIMIT: Rule<string | null> = {
  parse(text) {
    if (text === 'none') return null;
    return parseRateLimit(text) === undefined ? undefined : text;
  },
  allowed: `${RATE_LIMIT_ALLOWED}; or none`,
};

/** The user and password of a URL may be all that is secret in it. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}
