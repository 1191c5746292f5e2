// Cursors: where a page ended, and where the first page began, so that later pages show nothing newer. Opaque to
// those who use them.

import { isId, type Prefix } from '../ids.ts';
import { InvalidQuery } from './errors.ts';

export interface Cursor {
  /** The last id of the page before. */
  last: string;
  /** The first id of the first page. */
  top: string;
}

export function encodeCursor({ last, top }: Cursor): string {
  return Buffer.from(`${last} ${top}`).toString('base64url');
}

/** Throws InvalidQuery for what encodeCursor() did not make of ids with this prefix: it may be of another list. */
export function decodeCursor(prefix: Prefix, text: string): Cursor {
  const [last, top, ...rest] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  if (
    last === undefined ||
    top === undefined ||
    rest.length > 0 ||
    !isId(prefix, last) ||
    !isId(prefix, top)
  ) {
    throw new InvalidQuery('cursor', 'is not one that a page before has given');
  }
  return { last, top };
}
