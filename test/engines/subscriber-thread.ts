// What runs in the thread of subscriber.ts: says its port, and what has arrived whenever it is asked.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import type { Arrival } from './subscriber.ts';

const SLOW_MS = 200;
/** Every so many arrivals. */
const FLAKY = 3;

const arrivals: Arrival[] = [];
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

const server = createServer((request, response) => {
  const atMs = performance.timeOrigin + performance.now();
  const { url: path = '', headers } = request;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { id } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    arrivals.push({ path, webhookId: String(headers['webhook-id']), eventId: id, atMs });
    const fails = path.includes('failing') || (path.includes('flaky') && arrivals.length % FLAKY === 0);
    if (fails) response.writeHead(500);
    if (path.includes('slow')) setTimeout(() => response.end('ok'), SLOW_MS);
    else response.end('ok');
  });
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
parentPort?.on('message', () => parentPort?.postMessage({ arrivals, noiseMs: delay.max / 1e6 }));
