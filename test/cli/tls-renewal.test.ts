// Certificates that are renewed while they are served with.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { readCertificate } from '../../src/certificate.ts';
import { renewCertificate } from '../../src/cli/tls-renewal.ts';
import { createAuthority } from '../support/certificate.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';

test('a renewed certificate is served with, connections that are open go on; an unusable one is told of once', async (t) => {
  const directory = temporaryDirectory(t);
  const authority = createAuthority(directory);
  const [one, two] = [authority.issue('one'), authority.issue('two')];
  // As certbot has it: links, which are put to the new files one after the other.
  const files = { certFile: join(directory, 'live.pem'), keyFile: join(directory, 'live.key') };
  const put = (link: string, target: string) => {
    rmSync(link, { force: true });
    symlinkSync(target, link);
  };
  put(files.certFile, one.certFile);
  put(files.keyFile, one.keyFile);
  const current = readCertificate(files);
  const server = createServer(current, (_request, response) => void response.end('ok'));
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const told: string[] = [];
  const logger = { info: () => told.push('renewed'), error: () => told.push('unusable') };
  t.after(renewCertificate({ ...{ server, files, current, logger }, everyMs: 5 }));

  async function open(): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  }
  const nameAt = async () => {
    const socket = await open();
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };

  const kept = await open();
  assert.equal(await nameAt(), 'one');
  put(files.certFile, two.certFile);
  await waitFor('half a renewal to be told of', () => told.length === 1);
  assert.equal(await nameAt(), 'one');
  put(files.keyFile, two.keyFile);
  await waitFor('the new one', async () => (await nameAt()) === 'two');
  assert.deepEqual(told, ['unusable', 'renewed']);
  kept.setEncoding('utf8').write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const [answer] = await once(kept, 'data');
  assert.match(answer, /^HTTP\/1\.1 200 OK/);

  rmSync(files.keyFile);
  writeFileSync(files.keyFile, 'nonsense');
  await waitFor('it to be told of', () => told.length === 3);
  // Looked at some more times.
  const since = performance.now();
  await waitFor('a moment', () => performance.now() > since + 50);
  assert.deepEqual(told, ['unusable', 'renewed', 'unusable']);
  assert.equal(await nameAt(), 'two');
});
