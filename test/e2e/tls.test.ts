// TLS without a proxy: what is served, how commands come to trust it, how it is renewed, and what is refused.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { Agent, request } from 'undici';
import { type Authority, createAuthority, type Issued } from '../support/certificate.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { ask, askList, run, serve, stop } from './hooklane.ts';

interface Setting {
  authority: Authority;
  files: Issued;
  env: { HOOKLANE_TLS_CERT: string; HOOKLANE_TLS_KEY: string };
}

function setting(t: TestContext): Setting {
  const authority = createAuthority(temporaryDirectory(t));
  const files = authority.issue('one');
  return { authority, files, env: { HOOKLANE_TLS_CERT: files.certFile, HOOKLANE_TLS_KEY: files.keyFile } };
}

/** The name in the certificate that a server shows. */
function nameAt(url: string, caFile: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: readFileSync(caFile) }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('the API speaks TLS; commands reach it with the authority in NODE_EXTRA_CA_CERTS, and say so without', async (t) => {
  const { authority, env } = setting(t);
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory, { env: { ...env, HOOKLANE_ADMIN_TOKEN: 'admin-of-this-test' } });
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const dispatcher = new Agent({ connect: { ca: readFileSync(authority.caFile) } });
  t.after(() => dispatcher.close());
  const { statusCode, headers, body } = await request(`${server.url}/healthz`, { dispatcher });
  await body.dump();
  assert.deepEqual([statusCode, headers['strict-transport-security']], [200, 'max-age=31536000']);

  const trusting = { NODE_EXTRA_CA_CERTS: authority.caFile };
  const remote = { HOOKLANE_URL: server.url, HOOKLANE_TOKEN: 'admin-of-this-test' };
  const sent = await ask(t, ['send', '--token', server.token, '--url', server.url, '-'], {
    env: trusting,
    input: '{"message":"by TLS"}',
  });
  assert.equal(sent.status, 'pending');
  const [organization] = await askList(t, ['org', 'list'], { env: { ...remote, ...trusting } });
  assert.equal(organization?.name, 'default');
  for (const args of [
    ['org', 'list'],
    ['send', '--token', server.token, '-'],
  ]) {
    const refused = await run(t, args, { env: remote, input: '{}' });
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /cannot be reached: .*certificate.*NODE_EXTRA_CA_CERTS/);
  }
  // By the port that is configured, as the server itself is.
  const { port } = new URL(server.url);
  const local = { ...env, ...trusting, HOOKLANE_DATA: directory, PORT: port };
  const again = await ask(t, ['send', '--token', server.token, '-'], {
    env: local,
    input: '{"message":"2"}',
  });
  assert.equal(again.status, 'pending');
  const { checks } = await ask(t, ['doctor'], { env: local });
  const found = (checks as { name: string; state: string; detail: string }[]).filter(
    ({ name }) => name === 'certificate' || name === 'port',
  );
  assert.deepEqual(
    found.map(({ state }) => state),
    ['ok', 'ok'],
  );
  assert.match(found[0]?.detail ?? '', /^it is of IP Address:127\.0\.0\.1, DNS:localhost, and lasts until 2/);
  await stop(server);
});

test('a renewed certificate is taken into use at SIGHUP, an unusable one is not', async (t) => {
  const { authority, files, env } = setting(t);
  const server = await serve(t, temporaryDirectory(t), { env });
  const next = authority.issue('two');
  assert.equal(await nameAt(server.url, authority.caFile), 'one');
  copyFileSync(next.certFile, files.certFile);
  server.kill('SIGHUP');
  await waitFor('it to be told of', () => server.stderr().includes('cannot be renewed'));
  assert.equal(await nameAt(server.url, authority.caFile), 'one');
  copyFileSync(next.keyFile, files.keyFile);
  server.kill('SIGHUP');
  await waitFor('the new one', async () => (await nameAt(server.url, authority.caFile)) === 'two');
  await stop(server);
});

test('a certificate that cannot be used is refused at the start, and named by the doctor', async (t) => {
  const { authority, files, env } = setting(t);
  const directory = temporaryDirectory(t);
  const other = authority.issue('other');
  const wrong: [Record<string, string>, RegExp][] = [
    [{ ...env, HOOKLANE_TLS_KEY: other.keyFile }, /^hooklane: HOOKLANE_TLS_KEY=.* is not the key of/],
    [{ HOOKLANE_TLS_CERT: files.certFile }, /HOOKLANE_TLS_KEY is missing/],
    [{ ...env, HOOKLANE_TLS_CERT: join(directory, 'no') }, /HOOKLANE_TLS_CERT=.* cannot be read: ENOENT/],
  ];
  for (const [given, told] of wrong) {
    const environment = { ...given, HOOKLANE_DATA: join(directory, 'data'), PORT: '0' };
    const refused = await run(t, ['serve'], { env: environment });
    assert.equal(refused.exit, 2);
    assert.match(refused.stderr, told);
    const doctor = await run(t, ['doctor', '--json'], { env: environment });
    assert.equal(doctor.exit, 1);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; state: string }[] };
    assert.deepEqual(
      checks.filter(({ state }) => state === 'problem').map(({ name }) => name.replace(/_(CERT|KEY)$/, '')),
      ['HOOKLANE_TLS'],
    );
  }
});
