// The receiver of the benchmarks: a plain node:http server that counts what arrives.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BenchReceiver {
  url: string;
  /** Resolves when `count` webhooks have arrived since the last call to expect(). */
  expect(count: number): Promise<void>;
  /** Called with each body, and the path that it was sent to. */
  onArrival: ((body: string, path: string) => void) | undefined;
  stop(): void;
}

/** Starts a receiver on a free port. It answers 200 once the body is complete; on paths that begin with /hang, never. */
export async function startBenchReceiver(): Promise<BenchReceiver> {
  let left = Number.POSITIVE_INFINITY;
  let done: (() => void) | undefined;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const { url: path = '' } = request;
      if (!path.startsWith('/hang')) response.end('ok');
      receiver.onArrival?.(body, path);
      if (--left === 0) done?.();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: BenchReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    onArrival: undefined,
    expect(count) {
      left = count;
      return new Promise((resolve) => {
        done = resolve;
      });
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return receiver;
}
