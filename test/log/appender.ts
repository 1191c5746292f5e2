// A process that appends to a log: started by sqlite-processes.test.ts. It appends numbers in rounds until it is told to
// stop or killed, and says after each round how many are acknowledged.

import { openSqliteLog } from '../../src/log/sqlite.ts';
import { changed } from '../contract/log-kit.ts';

/** Appends that are made at once. */
const ROUND = 16;

const [directory = '', name = '', serve] = process.argv.slice(2);
// As a server does it, or a command beside one.
const isServer = serve === 'serve';
const log = openSqliteLog({ directory, serve: isServer, thread: isServer });
let stopped = false;
process.once('message', () => {
  stopped = true;
});

for (let number = 0; !stopped; number += ROUND) {
  const numbers = Array.from({ length: ROUND }, (_, i) => number + i);
  await Promise.all(numbers.map((n) => log.append([changed(name, n)])));
  process.send?.({ acknowledged: number + ROUND });
}
await log.close();
process.disconnect();
