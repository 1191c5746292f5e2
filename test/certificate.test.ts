// A certificate and its key, as they come from files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCertificate } from '../src/certificate.ts';
import { InvalidConfig, type TlsFiles } from '../src/config.ts';
import { createAuthority } from './support/certificate.ts';
import { temporaryDirectory } from './support/directory.ts';

const DAY_MS = 86_400_000;

function refusal(files: TlsFiles): string {
  try {
    readCertificate(files);
  } catch (error) {
    assert.ok(error instanceof InvalidConfig);
    return error.message;
  }
  assert.fail('not refused');
}

test('a certificate and its key are read, with for whom it is and until when', (t) => {
  const files = createAuthority(temporaryDirectory(t)).issue('one', 30);
  const { cert, key, names, expiresAtMs } = readCertificate(files);
  assert.equal(cert, readFileSync(files.certFile, 'utf8'));
  assert.equal(key, readFileSync(files.keyFile, 'utf8'));
  assert.equal(names, 'IP Address:127.0.0.1, DNS:localhost');
  assert.ok(Math.abs(expiresAtMs - (Date.now() + 30 * DAY_MS)) < DAY_MS);
});

test('what is not there, is none, or does not fit is refused, a line for each, without what is in it', (t) => {
  const directory = temporaryDirectory(t);
  const authority = createAuthority(directory);
  const [one, other] = [authority.issue('one'), authority.issue('other')];
  const nonsense = join(directory, 'nonsense');
  writeFileSync(nonsense, 'hunter2');
  const locked = join(directory, 'locked.key');
  execFileSync('openssl', [
    'pkey',
    '-in',
    one.keyFile,
    '-aes256',
    '-passout',
    'pass:hunter2',
    '-out',
    locked,
  ]);
  assert.match(
    refusal({ certFile: join(directory, 'nowhere'), keyFile: directory }),
    /^HOOKLANE_TLS_CERT=".*nowhere" cannot be read: ENOENT.*\nHOOKLANE_TLS_KEY=".*" cannot be read: EISDIR[^\n]*$/,
  );
  assert.match(
    refusal({ certFile: nonsense, keyFile: nonsense }),
    /^HOOKLANE_TLS_CERT=".*" does not hold a certificate \(PEM\): .*\nHOOKLANE_TLS_KEY=".*" does not hold a private key[^\n]*$/,
  );
  assert.match(refusal({ ...one, keyFile: locked }), /^HOOKLANE_TLS_KEY=.*without a passphrase/);
  assert.match(
    refusal({ certFile: one.certFile, keyFile: other.keyFile }),
    /^HOOKLANE_TLS_KEY=".*other\.key" is not the key of the first certificate in HOOKLANE_TLS_CERT$/,
  );
  for (const files of [
    { certFile: nonsense, keyFile: nonsense },
    { ...one, keyFile: locked },
  ])
    assert.doesNotMatch(refusal(files), /hunter2/);
});
