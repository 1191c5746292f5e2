// What is given to be created or changed, checked by JSON Schema: each field that is wrong is named, with what is
// allowed. The same for HTTP and CLI.

import { createRequire } from 'node:module';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { parseRateLimit, RATE_LIMIT_ALLOWED } from '../rate-limit.ts';
import { formatDuration, parseDuration } from '../time.ts';

/** What is given is not what it may be. */
export class InvalidInput extends Error {
  readonly code = 'INVALID_INPUT';
  readonly errors: readonly { field: string; message: string }[];
  constructor(errors: readonly { field: string; message: string }[]) {
    super(errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; '));
    this.name = 'InvalidInput';
    this.errors = errors;
  }
}

interface Format {
  validate: (text: string) => boolean;
  allowed: string;
}

/** Forms of text that schemas name, with what is allowed. */
const FORMATS = {
  name: {
    // In a path `.` and `..` mean something else.
    validate: (text) =>
      text.trim() === text && /^[^\p{Cc}\p{Cs}]{1,100}$/u.test(text) && text !== '.' && text !== '..',
    allowed: '1 to 100 characters, no control characters, no spaces around it, and not . or ..',
  },
  version: {
    validate: (text) => /[^\s\p{Cc}]/u.test(text),
    allowed: 'a text that is not blank',
  },
  kind: {
    validate: (text) => text.length <= 100 && /^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(text),
    allowed: 'a kind such as order.paid: lower case words with dots between, 100 characters at most',
  },
  'kind-pattern': {
    validate: (text) => text.length <= 100 && /^[a-z0-9_.*]+$/.test(text),
    allowed: 'a kind such as log.created, or a pattern such as log.* or *',
  },
  gap: duration(0, '24h'),
  timeout: duration(100, '30s'),
  delay: duration(100, '24h'),
  grace: duration(0, '30d'),
  lifetime: duration(60_000, '3650d', '12h or 90d'),
  'rate-limit': {
    validate: (text) => parseRateLimit(text) !== undefined,
    allowed: `${RATE_LIMIT_ALLOWED}; or null for none`,
  },
  origin: {
    validate: (text) => URL.canParse(text) && new URL(text).origin === text.toLowerCase(),
    allowed: 'an origin such as https://app.example.com, without a path',
  },
  'endpoint-url': {
    validate: isEndpointUrl,
    allowed:
      'an absolute http or https URL without user, password, fragment or control characters, 2048 characters at most',
  },
} as const satisfies Record<string, Format>;

function duration(leastMs: number, most: string, such = '250ms, 5s, 10m or 2h'): Format {
  const mostMs = parseDuration(most) ?? 0;
  const least = formatDuration(leastMs);
  return {
    validate: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= leastMs && ms <= mostMs;
    },
    allowed: `a duration from ${least} to ${most}, such as ${such}`,
  };
}

function isEndpointUrl(text: string): boolean {
  // Some of these a URL is parsed without, and all are shown to people.
  if (text.length > 2_048 || /[\p{Cc}\p{Cs}]/u.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password, hash, port } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '' && hash === '' && port !== '0';
}

const require = createRequire(import.meta.url);
let made: Ajv | undefined;

/** Loaded and made when it is first needed: most commands take no input. */
function ajv(): Ajv {
  if (made !== undefined) return made;
  const module: typeof import('ajv') = require('ajv');
  // The schemas are our own, and strict tells of what is not known in them: to hold each against the schema of schemas as well
  // would cost the first of them, which a first start needs, as much time as its compiling.
  made = new module.Ajv({ allErrors: true, strict: true, allowUnionTypes: true, validateSchema: false });
  for (const [name, { validate }] of Object.entries(FORMATS))
    made.addFormat(name, { type: 'string', validate });
  return made;
}

/** Of a long list of wrong entries so many are told. */
const MAX_TOLD = 20;

/**
 * A function that gives its input back as what `schema` describes, or throws InvalidInput. The schema is compiled at the
 * first input, as all of them together take a tenth of a start.
 */
export function inputParser<T>(schema: object): (input: unknown) => T {
  let compiled: ValidateFunction<T> | undefined;
  return (input) => {
    compiled ??= ajv().compile<T>(schema);
    const validate = compiled;
    if (validate(input)) return input;
    throw new InvalidInput((validate.errors ?? []).filter(isTelling).slice(0, MAX_TOLD).map(toFieldError));
  };
}

/** Of what takes no input, that there is none. Throws InvalidInput. */
export const ensureNoInput = inputParser<object>({
  type: 'object',
  additionalProperties: false,
  properties: {},
});

/** Not that one of two alternatives does not fit, which the errors of the alternatives tell better. */
function isTelling({ keyword }: ErrorObject): boolean {
  return keyword !== 'anyOf';
}

function toFieldError({ instancePath, keyword, params, message = 'is wrong' }: ErrorObject) {
  const path = instancePath.slice(1).replaceAll('/', '.');
  const within = (name: string) => (path === '' ? name : `${path}.${name}`);
  switch (keyword) {
    case 'required':
      return { field: within(params.missingProperty), message: 'is required' };
    case 'additionalProperties':
      return { field: within(params.additionalProperty), message: 'is not known' };
    case 'format':
      return { field: path, message: `allowed: ${FORMATS[params.format as keyof typeof FORMATS].allowed}` };
    case 'enum':
      return { field: path, message: `allowed: ${params.allowedValues.join(', ')}` };
    case 'type':
      if (path === '') return { field: '', message: 'the body must be a JSON object' };
      return { field: path, message: `must be of type ${[params.type].flat().join(' or ')}` };
    default:
      return { field: path, message };
  }
}
