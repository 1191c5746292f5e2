// What a format tells of an error; level, time, tags and the like have the same names in all of them.

import type { Frame } from '../stack.ts';

export interface Told {
  message: string | undefined;
  errorType: string | undefined;
  stack: string | undefined;
  /** Newest first, where the format has them; else they are read from the stack's text. */
  frames: Frame[] | undefined;
}
