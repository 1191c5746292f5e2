// What a delivery costs at least: a plain loop of undici requests, 64 at a time, that records nothing.
// Usage: bare-undici.ts URL WARM_UP COUNT. Prints the seconds that COUNT of them took, after WARM_UP others.

import { Agent, request } from 'undici';
import { errorPayload } from './payload.ts';

const [url = '', warmUp = '0', count = '0'] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 64, pipelining: 1 });
const body = errorPayload(1);
let left = 0;

async function loop(): Promise<void> {
  while (left-- > 0) {
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      dispatcher,
    } as const;
    const response = await request(url, options);
    await response.body.dump();
  }
}

async function run(requests: number): Promise<number> {
  left = requests;
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: 64 }, loop));
  return (performance.now() - startedMs) / 1_000;
}

await run(Number(warmUp));
process.stdout.write(`${await run(Number(count))}\n`);
await dispatcher.close();
