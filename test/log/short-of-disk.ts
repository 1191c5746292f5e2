// A process that may not write long files: started by sqlite-processes.test.ts under `ulimit -f`. It appends and commits
// until that fails, says how, and when it is told that there is room again makes the same calls once more.

import { once } from 'node:events';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { all, changed, joinByHand, numbersOf, started } from '../contract/log-kit.ts';

const BODY = 'x'.repeat(20_000);

const log = openSqliteLog({ directory: process.argv[2] ?? '', serve: true, thread: true });
const partition = await joinByHand(log, 'organizations').partition(0);

/** One append and one commit, which share a transaction. */
function write(number: number) {
  return Promise.allSettled([
    log.append([{ ...changed('a', number), name: BODY }]),
    partition.commit([started('a', number)], number + 1),
  ]);
}

async function state() {
  return {
    organizations: numbersOf(await all(log, 'organizations')),
    outbound: numbersOf(await all(log, 'outbound')),
    ends: [...(await log.ends('organizations')), ...(await log.ends('outbound'))],
    position: (await log.positions('dispatcher', 'organizations'))[0],
  };
}

for (let number = 0; ; number++) {
  const results = await write(number);
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
  if (codes.length === 0) continue;
  const told = once(process, 'message');
  process.send?.({ failed: number, codes, state: await state() });
  await told;
  process.send?.({ again: (await write(number)).map(({ status }) => status), state: await state() });
  break;
}
await log.close();
process.disconnect();
