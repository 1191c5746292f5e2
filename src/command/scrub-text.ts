// Secrets within texts: `password=…` as in URLs, forms and messages, `"password": …` as in objects that were printed,
// Bearer tokens, passwords in URLs, card numbers, and Hooklane's own secrets. No expression here looks twice at the same
// characters more often than a constant: texts come from outside, and are long. Pure.

import { FILTERED, type ScrubRules } from '../scrub-rules.ts';
import { TOKEN_PREFIXES } from '../secrets.ts';

/** `name=value`, from the `=` on; the value may be in quotes. Looked for by its `=`, which few texts have. */
const ASSIGNED = /(?<=([\w.\-[\]%$]{1,64}))=("[^"]*"?|'[^']*'?|[^&;\s"'`<>]+)/g;
/** `"name": value`, also cut off, as in JSON or Python. */
const QUOTED = /(["'])([\w.\- ]{1,64})\1(\s{0,8}:\s{0,8})("[^"]*"?|'[^']*'?|[^\s,}\]"']+)/g;
/** `scheme://user:password@` */
const LOGIN = /(:\/\/[^/?#\s:@]{0,256}:)[^/?#\s@]{1,1024}(?=@)/g;
/** As in Authorization. With a digit or `=` in it, as there are basic courses and bearer bonds. */
const SCHEME = /\b(bearer|basic)(\s{1,8})(?=[\w.~+/-]{0,512}[\d=])[\w.~+/-]{8,}=*/gi;
const TOKEN = TOKEN_PREFIXES.join('|');
const OURS = new RegExp(`\\b(?:${TOKEN})_[\\w-]{32}(?![\\w-])|\\bwhsec_[\\w+/]{24,}=*`, 'g');
/** Many digits, in groups. */
const DIGITS = /(?<![\d.])\d(?:[ -]?\d){12,99}/g;

/** Where none of this is found nothing above is, as in most texts. */
const MARK = new RegExp(
  `[=@]|["']\\s{0,8}:|\\b(?:bearer|basic)\\s|\\b(?:${TOKEN}|whsec)_|\\d(?:[ -]?\\d){12}`,
  'i',
);

/** What each of the above needs to be in JSON as it is written, where a slash may stand behind a backslash. */
const ASSIGNED_IN_JSON = '=';
const QUOTED_IN_JSON = /(?:\\"|')(?:\s|\\[nrtf]){0,8}:/;
const LOGIN_IN_JSON = /:\\?\/\\?\//;
const SCHEME_IN_JSON = /b(?:earer|asic)/i;
const OURS_IN_JSON = /_[\w+/\\-]{24}/;
const DIGITS_IN_JSON = /\d(?:[ -]?\d){12}/;
/** Behind it any character may stand. */
const ESCAPED = '\\u';

/**
 * Whether scrubText() may find anything in a string of `json`. A look at all of them together costs less than at each alone,
 * and most payloads have nothing of it.
 */
export function mayHoldSecrets(json: string): boolean {
  return (
    json.includes(ASSIGNED_IN_JSON) ||
    json.includes(ESCAPED) ||
    (json.includes('@') && LOGIN_IN_JSON.test(json)) ||
    QUOTED_IN_JSON.test(json) ||
    SCHEME_IN_JSON.test(json) ||
    OURS_IN_JSON.test(json) ||
    DIGITS_IN_JSON.test(json)
  );
}

/** The text without its secrets; the same text where there are none. `isSecret` tells of a name. */
export function scrubText(text: string, isSecret: (name: string) => boolean, rules: ScrubRules): string {
  if (!MARK.test(text)) return text;
  let scrubbed = text.replace(QUOTED, (whole, quote, name, colon) =>
    isSecret(name) ? `${quote}${name}${quote}${colon}${quote}${FILTERED}${quote}` : whole,
  );
  if (text.includes('=')) {
    scrubbed = scrubbed.replace(ASSIGNED, (whole, name) =>
      isSecret(name.replace(/%[\da-f]{2}/gi, ' ')) ? `=${FILTERED}` : whole,
    );
  }
  if (rules.credentials)
    scrubbed = scrubbed
      .replace(LOGIN, `$1${FILTERED}`)
      .replace(SCHEME, `$1$2${FILTERED}`)
      .replace(OURS, FILTERED);
  return rules.cards ? scrubbed.replace(DIGITS, withoutCards) : scrubbed;
}

/** Groups of digits, without those that together are a card number. */
function withoutCards(run: string): string {
  const groups = [...run.matchAll(/\d+/g)];
  for (const [first, { index: from }] of groups.entries()) {
    let digits = '';
    for (const { 0: group, index } of groups.slice(first, first + MOST_GROUPS)) {
      digits += group;
      const to = index + group.length;
      if (isCardNumber(digits)) return run.slice(0, from) + FILTERED + withoutCards(run.slice(to));
    }
  }
  return run;
}

/** In so many groups the digits of a card are written at most. */
const MOST_GROUPS = 5;

/**
 * Whether digits may be the number of a card: 13 to 19 of them, of an issuer of cards (the first ones are 22 to 27 or 3 to
 * 6), and with the right check digit. Source: ISO/IEC 7812-1, with the formula of Luhn in annex B.
 */
export function isCardNumber(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || !/^(?:[3-6]|2[2-7])\d+$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30;
    const counts = i % 2 === 0 ? digit : digit * 2;
    sum += counts > 9 ? counts - 9 : counts;
  }
  return sum % 10 === 0;
}
