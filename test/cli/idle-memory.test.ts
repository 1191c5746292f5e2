import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes objects that stay until the room for young ones has grown, and prints how many bytes of it there are, before and after. */
const BUSY_ONCE = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { giveBackWhenIdle } from './src/cli/idle-memory.ts';
  const youngBytes = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  const kept = [];
  while (youngBytes() < 64 * 2 ** 20) for (let n = 0; n < 100_000; n++) kept.push({ n });
  const before = youngBytes();
`;

async function printed(script: string): Promise<{ before: number; after: number }> {
  const { stdout } = await run(process.execPath, [
    '--input-type=module-typescript',
    '--eval',
    BUSY_ONCE + script,
  ]);
  return JSON.parse(stdout);
}

test('a thread that is idle after a busy time gives back the room for young objects', async () => {
  const { before, after } = await printed(`
    const { promise: given, resolve, reject } = Promise.withResolvers();
    giveBackWhenIdle({ debug: resolve, warn: reject }, 100);
    const alive = setInterval(() => {}, 10_000);
    await given;
    clearInterval(alive);
    console.log(JSON.stringify({ before, after: youngBytes() }));
  `);
  assert.ok(after < before / 8, `${after} of ${before} bytes`);
});

test('a thread that works keeps it', async () => {
  const { before, after } = await printed(`
    giveBackWhenIdle({ debug() {}, warn() {} }, 20);
    const untilMs = performance.now() + 500;
    while (performance.now() < untilMs) await new Promise(setImmediate);
    console.log(JSON.stringify({ before, after: youngBytes() }));
  `);
  assert.equal(after, before);
});
