// What is scrubbed from payloads before they are stored: the names that say that a secret follows, by default and by
// HOOKLANE_SCRUB. Pure. How it is done is in command/scrub.ts.

/** What stands in the place of a secret. */
export const FILTERED = '[Filtered]';

/** What is looked for. */
export interface ScrubRules {
  /** Names of fields, as plainName() writes them. */
  readonly names: readonly string[];
  /** Whether card numbers are looked for in texts and numbers, whatever they are called. */
  readonly cards: boolean;
  /** Whether credentials are: Bearer tokens, passwords in URLs, Hooklane's own secrets. */
  readonly credentials: boolean;
}

/** Governs card numbers under other names as well. */
const CARD_NUMBER = 'cardnumber';

/**
 * What is scrubbed unless HOOKLANE_SCRUB says otherwise. Sources: the defaults of Sentry
 * (docs.sentry.io, "Server-Side Data Scrubbing"; DEFAULT_DENYLIST of sentry-python) and of Rails (`filter_parameters` of
 * a new application), without those that are as often no secret (`email`, `session`, `salt`, `certificate`).
 */
export const SCRUBBED_BY_DEFAULT: readonly string[] = [
  ...['password', 'passwort', 'passwd', 'pwd', 'passphrase', 'passcode', 'secret', 'credential'],
  ...[
    'token',
    'accesstoken',
    'authtoken',
    'apitoken',
    'idtoken',
    'refreshtoken',
    'sessiontoken',
    'csrftoken',
  ],
  ...['auth', 'authorization', 'bearer', 'jwt', 'cookie', 'sessionid', 'csrf', 'xsrf', 'otp'],
  ...['apikey', 'accesskey', 'privatekey', 'signingkey', 'encryptionkey', 'masterkey'],
  ...['creditcard', CARD_NUMBER, 'cvv', 'cvv2', 'cvc', 'cvc2', 'securitycode', 'ssn'],
];

export const DEFAULT_SCRUB_RULES: ScrubRules = rulesOf(SCRUBBED_BY_DEFAULT, true);

export const SCRUB_ALLOWED =
  'names with commas between, as ssn,internal_id; -name takes one of the defaults out ' +
  `(${SCRUBBED_BY_DEFAULT.join(', ')}); none takes all of them out`;

/** Names that may be given, and characters of each. */
const MAX_NAMES = 200;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u;

/** Letters and digits in lower case: `X-Api-Key` and `apiKey` are the same name. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** What HOOKLANE_SCRUB says; undefined: it is not allowed. */
export function parseScrubRules(text: string): ScrubRules | undefined {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.length > MAX_NAMES) return undefined;
  const defaults = !entries.includes('none');
  const names = new Set(defaults ? SCRUBBED_BY_DEFAULT : []);
  for (const entry of entries.filter((given) => given !== 'none')) {
    const takesOut = entry.startsWith('-');
    const given = takesOut ? entry.slice(1) : entry;
    const name = plainName(given);
    if (!NAME.test(given) || name.length < 2) return undefined;
    if (!takesOut) names.add(name);
    // What was never in is a slip of the pen, after which something else would be scrubbed than was meant.
    else if (!SCRUBBED_BY_DEFAULT.includes(name)) return undefined;
    else names.delete(name);
  }
  return rulesOf([...names], defaults);
}

function rulesOf(names: readonly string[], credentials: boolean): ScrubRules {
  return { names, cards: names.includes(CARD_NUMBER), credentials };
}
