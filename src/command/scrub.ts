// Secrets out of JSON, before it is stored. The text is gone through once and what is a secret is cut out of it; it is
// never written anew, so all the rest stays as it came: order and repeats of keys, numbers of any length, spaces.
//
// A secret is what stands under a name that says so, whatever it is (`{"password": {…}}`), also where name and value are
// a pair (`["Cookie", "…"]` in a list, `{"name": "Cookie", "value": "…"}`), and what looks like one in any text
// (scrub-text.ts), also in JSON within a text. null, true, false and names themselves stay. Pure.

import { MAX_SCRUB_GROWTH_BYTES } from '../events.ts';
import { FILTERED, type ScrubRules } from '../scrub-rules.ts';
import { InvalidInput } from './input.ts';
import { createNames } from './scrub-names.ts';
import { isCardNumber, mayHoldSecrets, scrubText } from './scrub-text.ts';

export interface Scrubber {
  /**
   * `text`, which must be JSON, without its secrets; the same text where there are none. Throws InvalidInput where there are
   * so many that what is put in their place makes it too long to be stored.
   */
  json(text: string): string;
  /** The same for bytes, and what they say. */
  body(json: { bytes: Buffer; text: string }): Buffer;
}

export function createScrubber(rules: ScrubRules): Scrubber {
  const isSecret = createNames(rules.names);
  const json = (text: string) => {
    const scrubbed = scrubJson(text, { rules, isSecret });
    if (scrubbed.length - text.length <= MAX_SCRUB_GROWTH_BYTES) return scrubbed;
    throw new InvalidInput([
      { field: '', message: 'holds too many secrets, which are taken out before it is stored' },
    ]);
  };
  return {
    json,
    body({ bytes, text }) {
      const scrubbed = json(text);
      return scrubbed === text ? bytes : Buffer.from(scrubbed);
    },
  };
}

interface Looking {
  rules: ScrubRules;
  isSecret: (name: string) => boolean;
}

/** A part of the text, and what comes in its place. */
interface Cut {
  from: number;
  to: number;
  put: string;
}

/** An object or a list that is being gone through. */
interface Open {
  from: number;
  isList: boolean;
  /** Of an object: the key of the value that comes next. */
  key: string;
  /** Whether what it names is a secret: the first text of a list, `name` or `key` of an object. */
  namesSecret: boolean;
  /** Where the value of a pair stands: the second one of a list, `value` of an object. */
  value: { from: number; to: number } | undefined;
  /** Values in it so far. */
  count: number;
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function scrubJson(text: string, looking: Looking): string {
  const { rules, isSecret } = looking;
  const isPlain = !mayHoldSecrets(text);
  const cuts: Cut[] = [];
  const opened: Open[] = [];

  function cutValue(from: number, to: number): void {
    if (!/^[tfn]/.test(text.charAt(from))) cuts.push({ from, to, put: `"${FILTERED}"` });
  }

  /** A value has ended that stands there. */
  function passed(from: number, to: number): void {
    const within = opened.at(-1);
    if (within === undefined) return;
    const nth = within.count++;
    const isName = within.isList ? nth === 0 : NAMES.has(within.key);
    const isValue = within.isList ? nth === 1 : VALUES.has(within.key);
    if (isName && text.charCodeAt(from) === QUOTE && isSecret(contentOf(text, from, to)))
      within.namesSecret = true;
    if (isValue) within.value = { from, to };
  }

  function close(at: number): void {
    const pair = opened.pop();
    if (pair === undefined) return;
    const isPair = !pair.isList || (pair.count === 2 && opened.at(-1)?.isList === true);
    if (isPair && pair.namesSecret && pair.value !== undefined) cutValue(pair.value.from, pair.value.to);
    passed(pair.from, at + 1);
  }

  function scrubValue(from: number, to: number): void {
    const string = contentOf(text, from, to);
    const scrubbed = scrubString(string, looking);
    if (scrubbed !== string) cuts.push({ from, to, put: JSON.stringify(scrubbed) });
  }

  /** Takes the text that begins there in, a key with its value if that is a secret, and returns where it ends. */
  function takeString(from: number): number {
    const to = endOfString(text, from);
    const next = afterSpace(text, to);
    if (text.charCodeAt(next) !== COLON) {
      if (!isPlain || mayBeJson(text, from)) scrubValue(from, to);
      passed(from, to);
      return to;
    }
    const string = contentOf(text, from, to);
    const within = opened.at(-1);
    if (within !== undefined) within.key = string;
    if (!isSecret(string)) return next + 1;
    const valueFrom = afterSpace(text, next + 1);
    const valueTo = endOfValue(text, valueFrom);
    cutValue(valueFrom, valueTo);
    return valueTo;
  }

  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = takeString(at);
    else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      const isList = code === OPEN_LIST;
      opened.push({ from: at, isList, key: '', namesSecret: false, value: undefined, count: 0 });
      at++;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) close(at++);
    else if (isWordCharacter(code)) {
      const to = endOfWord(text, at);
      if (rules.cards && isCardNumber(text.slice(at, to))) cutValue(at, to);
      passed(at, to);
      at = to;
    } else at++;
  }
  return cuts.length === 0 ? text : without(text, cuts);
}

const NAMES: ReadonlySet<string> = new Set(['name', 'key', 'Name', 'Key']);
const VALUES: ReadonlySet<string> = new Set(['value', 'Value']);

/** A text without its secrets, also where it is JSON itself. Each level of that takes twice the backslashes: few fit. */
function scrubString(string: string, looking: Looking): string {
  if (/^\s*[[{]/.test(string) && isJson(string)) return scrubJson(string, looking);
  return scrubText(string, looking.isSecret, looking.rules);
}

/** Whether the string that begins at `from` may say JSON: it begins as an object or a list does, or with a space before it. */
function mayBeJson(text: string, from: number): boolean {
  const first = text.charCodeAt(from + 1);
  return first === OPEN_OBJECT || first === OPEN_LIST || first === BACKSLASH || first <= 0x20;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

/** What is left, where of cuts within each other the outer one counts: it was found later. */
function without(text: string, cuts: Cut[]): string {
  let left = '';
  let at = 0;
  for (const { from, to, put } of cuts.reverse().sort((a, b) => a.from - b.from)) {
    if (from < at) continue;
    left += text.slice(at, from) + put;
    at = to;
  }
  return left + text.slice(at);
}

/** Where the string that begins at `from` ends, behind its quote. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); ; at = text.indexOf('"', at + 1)) {
    // JSON has been parsed before it is scrubbed.
    if (at === -1) throw new Error('not JSON: a string has no end');
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

/** What a string says: `"pass\u0077ord"` is a password. */
function contentOf(text: string, from: number, to: number): string {
  const content = text.slice(from + 1, to - 1);
  return content.includes('\\') ? JSON.parse(text.slice(from, to)) : content;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** Where the value that begins at `from` ends. */
function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return endOfString(text, from);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return endOfWord(text, from);
  let levels = 0;
  for (let at = from; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code === OPEN_OBJECT || code === OPEN_LIST) levels++;
    if ((code === CLOSE_OBJECT || code === CLOSE_LIST) && --levels === 0) return at + 1;
    at++;
  }
  throw new Error('not JSON: a value has no end');
}

/** Where the number, or true, false or null, that begins at `from` ends. */
function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && isWordCharacter(text.charCodeAt(at))) at++;
  return at;
}

/** Of what a number, true, false and null are made. */
function isWordCharacter(code: number): boolean {
  const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
  return isLetter || (code >= ZERO && code <= NINE) || code === MINUS || code === PLUS || code === POINT;
}
