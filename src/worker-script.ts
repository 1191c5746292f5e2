// Where the script of a thread is.

import { extname } from 'node:path';

/** The script called `name` beside the module at `url`, whose ending it shares: .ts in a checkout, .js in the package. */
export function workerScript(url: string, name: string): URL {
  return new URL(`./${name}${extname(url)}`, url);
}
