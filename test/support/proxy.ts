// A proxy that connects by CONNECT, always to the same receiver, whatever it is asked for.

import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';

/** A proxy to the receiver at `url`, closed after the test `t`; `asked`: what it was asked to connect to. */
export async function startProxy(t: TestContext, url: string): Promise<{ proxy: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer();
  server.on('connect', (request, socket: Duplex) => {
    asked.push(request.url ?? '');
    const upstream = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { proxy: `http://127.0.0.1:${port}`, asked };
}
