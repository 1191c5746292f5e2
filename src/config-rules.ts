// What each variable of the environment may say: what its text means, and what to tell of a text that is not allowed. Pure.

import { isIP } from 'node:net';
import { MAX_BODY_BYTES, MAX_PARTITIONS } from './events.ts';
import {
  KAFKA_URL_ALLOWED,
  type KafkaUrl,
  parseKafkaUrl,
  SASL_MECHANISMS,
  type SaslMechanism,
} from './kafka-url.ts';
import { parseRateLimit, RATE_LIMIT_ALLOWED } from './rate-limit.ts';
import { parseScrubRules, SCRUB_ALLOWED, type ScrubRules } from './scrub-rules.ts';
import { MASTER_KEY_BYTES, type MasterKeys } from './secrets.ts';
import { formatSize, parseSize } from './size.ts';
import { formatDuration, parseDuration } from './time.ts';

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

/** So many may be in use beside each other. */
export const MAX_MASTER_KEYS = 10;

/** With commas between, or, in the file, one a line. */
export const MASTER_KEYS: Rule<MasterKeys> = {
  parse(text) {
    const entries = text.split(/, ?|\r?\n/);
    const [first, ...others] = entries.map(parseMasterKey);
    const keys = others.filter((key) => key !== undefined);
    const isWhole = keys.length === others.length && new Set(entries).size === entries.length;
    return first === undefined || !isWhole || entries.length > MAX_MASTER_KEYS ? undefined : [first, ...keys];
  },
  allowed:
    `exactly ${MASTER_KEY_BYTES} bytes in base64, as \`openssl rand -base64 ${MASTER_KEY_BYTES}\` makes them; ` +
    `up to ${MAX_MASTER_KEYS} of them, each once, the one that seals first`,
  secret: true,
};

function parseMasterKey(text: string): Buffer | undefined {
  const key = Buffer.from(text, 'base64');
  // Node skips what is no base64, so only the way back tells whether all of it was.
  return key.length === MASTER_KEY_BYTES && key.toString('base64') === text ? key : undefined;
}

export const HOST: Rule<string> = {
  parse: (text) => (isIP(text) || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text) ? text : undefined),
  allowed: 'an IP address or a host name',
};

/** What Kafka allows in the name of a topic, short enough to leave room for ours (its limit is 249). */
export const TOPIC_PREFIX: Rule<string> = {
  parse: (text) => (/^[\w.-]{1,100}$/.test(text) ? text : undefined),
  allowed: '1 to 100 of the characters a-z A-Z 0-9 . _ -',
};

export const YES_OR_NO: Rule<boolean> = {
  parse: (text) => (text === '1' ? true : text === '0' ? false : undefined),
  allowed: '1 or 0',
};

/** The levels of Hooklane's own messages. */
const PINO_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type PinoLevel = (typeof PINO_LEVELS)[number];

export const LEVEL: Rule<PinoLevel> = {
  parse: (text) => PINO_LEVELS.find((level) => level === text),
  allowed: PINO_LEVELS.join(', '),
};

export const LOOPBACK = ['127.0.0.0/8', '::1/128'] as const;

export const CIDRS: Rule<readonly string[]> = {
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

export const REDIS: Rule<string> = {
  parse: (text) => (/^rediss?:\/\/[^/?#]/.test(text) && URL.canParse(text) ? text : undefined),
  allowed: 'redis://user:password@host:port/0, or rediss:// with TLS',
};

export const LOG: Rule<'sqlite' | KafkaUrl> = {
  parse: (text) => (text === 'sqlite' ? text : parseKafkaUrl(text)),
  allowed: KAFKA_URL_ALLOWED,
};

/** What stands behind the scheme is for the driver to read: it knows more than we do. */
export const VIEWS: Rule<'sqlite' | { url: string }> = {
  parse: (text) =>
    text === 'sqlite' ? text : /^mongodb(\+srv)?:\/\/[^/?#]/.test(text) ? { url: text } : undefined,
  allowed: 'sqlite, or mongodb://host:port,host:port/database?options',
};

export const PROXY: Rule<string> = {
  parse: (text) => (/^https?:\/\/[^/?#]+\/?$/.test(text) && URL.canParse(text) ? text : undefined),
  allowed: 'http://host:port or https://host:port, with user:password@ before the host where it wants them',
};

export const MECHANISM: Rule<SaslMechanism> = {
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
export const DAY_MS = 24 * HOUR_MS;
export const RETENTION = duration(DAY_MS, 36_500 * DAY_MS);
export const HISTORY = duration(HOUR_MS, 36_500 * DAY_MS);
export const SESSION = duration(1_000, 300_000);
const FAILING = duration(1_000, 365 * DAY_MS);

export const DISABLE_AFTER: Rule<number> = {
  parse: (text) => (text === 'never' ? Number.POSITIVE_INFINITY : FAILING.parse(text)),
  allowed: `${FAILING.allowed}; or never`,
};

/** An error with a stack has some hundred bytes; less than this takes nothing that is of use. */
const LEAST_BODY_BYTES = 1024;

export const BODY_LIMIT: Rule<number> = {
  parse(text) {
    const bytes = parseSize(text);
    return bytes !== undefined && bytes >= LEAST_BODY_BYTES && bytes <= MAX_BODY_BYTES ? bytes : undefined;
  },
  allowed: `a size from ${formatSize(LEAST_BODY_BYTES)} to ${formatSize(MAX_BODY_BYTES)}, as 256KiB`,
};

export const ORIGINS: Rule<readonly string[]> = {
  parse(text) {
    const origins = text.split(',').map((origin) => origin.trim().toLowerCase());
    if (origins.length === 1 && origins[0] === '*') return origins;
    return origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)
      ? origins
      : undefined;
  },
  allowed: 'origins, as https://app.example.com,https://www.example.com; or * for any',
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

export const PORT = wholeNumber(0, 65_535, ' (0: any free port)');
export const PARTITIONS = wholeNumber(1, MAX_PARTITIONS);
export const REPLICATION = wholeNumber(1, 100);

export const RATE_LIMIT: Rule<string | null> = {
  parse(text) {
    if (text === 'none') return null;
    return parseRateLimit(text) === undefined ? undefined : text;
  },
  allowed: `${RATE_LIMIT_ALLOWED}; or none`,
};

export const SCRUB: Rule<ScrubRules> = { parse: parseScrubRules, allowed: SCRUB_ALLOWED };
