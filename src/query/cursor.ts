// Cursors: where a page ended. Lists are newest first, so what comes behind it is older than all that was shown, and later pages
// show nothing that is newer. Opaque to those who use them.

import { isId, type Prefix } from '../ids.ts';
import { InvalidQuery } from './errors.ts';

/** `last`: the last id of a page. */
export function encodeCursor(last: string): string {
  return Buffer.from(last).toString('base64url');
}

/**
 * The last id of the page before. Throws InvalidQuery for what encodeCursor() did not make of an id with this prefix: it may be
 * of another list. Older releases put a second id behind it.
 */
export function decodeCursor(prefix: Prefix, text: string): string {
  const [last = '', second, ...rest] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  if (!isId(prefix, last) || (second !== undefined && !isId(prefix, second)) || rest.length > 0)
    throw new InvalidQuery('cursor', 'is not one that a page before has given');
  return last;
}
