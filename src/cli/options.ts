// What options and arguments of commands may be: each text is checked before anything is done, and refused with
// what is allowed.

import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { isIdempotencyKey, KEY_ALLOWED } from '../idempotency-key.ts';
import { parseRateLimit, RATE_LIMIT_ALLOWED } from '../rate-limit.ts';
import { parseDuration } from '../time.ts';
import { CommandFailed } from './failed.ts';

/** Of commands that ask the API, and what these are for. */
export const SERVER_OPTIONS = {
  url: 'ask the server there, instead of opening the data directory (default: HOOKLANE_URL)',
  token: 'a token of that server (default: HOOKLANE_TOKEN)',
};

/** A duration such as `5s`, as it was written. */
export function duration(text: string): string {
  if (parseDuration(text) === undefined) {
    throw new InvalidArgumentError('Allowed: a duration such as 250ms, 5s, 10m or 2h.');
  }
  return text;
}

/** A list such as `log.created,deploy.*`. */
export function list(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.some((entry) => entry === '')) {
    throw new InvalidArgumentError('Allowed: one or more values, separated by commas.');
  }
  return entries;
}

/** A list of durations such as `5s,30s`, or `none`. */
export function durations(text: string): string[] {
  return text === 'none' ? [] : list(text).map(duration);
}

/** A rate limit such as `3/6s`, or `none`, as it was written: commander takes a null for no value. */
export function rateLimit(text: string): string {
  if (text !== 'none' && parseRateLimit(text) === undefined) {
    throw new InvalidArgumentError(`Allowed: ${RATE_LIMIT_ALLOWED}; or none.`);
  }
  return text;
}

export function idempotencyKey(text: string): string {
  if (!isIdempotencyKey(text)) throw new InvalidArgumentError(`Allowed: ${KEY_ALLOWED}.`);
  return text;
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Allowed: a whole number from ${least} to ${most}.`);
  };
}

/** What can stand in the header `authorization` as a token. */
export function token(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new InvalidArgumentError('Allowed: visible ASCII characters without spaces.');
  }
  return text;
}

/** What signs the webhooks of an endpoint. */
export function signingSecret(text: string): string {
  if (!/^whsec_[\w+/]{24,}=*$/.test(text)) {
    throw new InvalidArgumentError('Allowed: whsec_ and base64, as `endpoint create` has shown it.');
  }
  return text;
}

/** An absolute http or https URL. */
export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new InvalidArgumentError('Allowed: an absolute http or https URL.');
  }
  return text;
}

/** Where a server listens: as httpUrl(), with a path at most. */
export function serverUrl(text: string): string {
  if (!isServerUrl(text)) throw new InvalidArgumentError(`Allowed: ${SERVER_URL_ALLOWED}.`);
  return text;
}

export const SERVER_URL_ALLOWED = 'where a server listens, as https://hooklane.example.com';

export function isServerUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new InvalidArgumentError(`Allowed: ${words.join(', ')}.`);
    return word;
  };
}

/** The content of a file, or of standard input for `-`. Throws CommandFailed. */
export function readInput(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw fileFailed(`${path} cannot be read`, error);
  }
}

/** What is said of a file that could not be used: `what`, and why not. */
export function fileFailed(what: string, error: unknown): CommandFailed {
  // Node's message begins with the code and ends with the path, both of which are said or known already.
  const why = (error as Error).message.replace(/^E\w+: /, '').replace(/, \w+( '.*')?$/s, '');
  return new CommandFailed(`${what}: ${why}`, { cause: error });
}
