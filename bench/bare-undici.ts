// What a delivery costs at least: a plain loop of undici requests, 64 at a time, that records nothing.
// Usage: bare-undici.ts URL COUNT. Prints the seconds it took.

import { Agent, request } from 'undici';
import { errorPayload } from './payload.ts';

const [url = '', count = '0'] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 64, pipelining: 1 });
const body = errorPayload(1);
const startedMs = performance.now();
let left = Number(count);

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

await Promise.all(Array.from({ length: 64 }, loop));
process.stdout.write(`${(performance.now() - startedMs) / 1_000}\n`);
await dispatcher.close();
