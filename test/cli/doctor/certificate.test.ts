// What the doctor says of the certificate of the API.

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { examineCertificate, judgeCertificate, judgeKeyMode } from '../../../src/cli/doctor/certificate.ts';
import { createAuthority } from '../../support/certificate.ts';
import { temporaryDirectory } from '../../support/directory.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 1);

function stateOf(leftMs: number): string | undefined {
  const certificate = { cert: '', key: '', names: 'DNS:a.example', expiresAtMs: NOW_MS + leftMs };
  const [check] = judgeCertificate(certificate, NOW_MS);
  assert.match(check?.detail ?? '', /DNS:a\.example/);
  return check?.state;
}

test('a certificate that has ended is a problem, one that soon will a warning', () => {
  assert.deepEqual(
    [30, 13, 0, -1].map((days) => stateOf(days * DAY_MS)),
    ['ok', 'warning', 'problem', 'problem'],
  );
});

test('a key that everybody may read is a problem, one that a group may is none', () => {
  assert.deepEqual(
    [0o600, 0o640, 0o644].map((mode) => judgeKeyMode('/key', mode).length),
    [0, 0, 1],
  );
});

test('the files are looked at, and without TLS there is nothing to look at', (t) => {
  const tls = createAuthority(temporaryDirectory(t)).issue('one');
  const states = () => examineCertificate({ tls }, Date.now()).map(({ name, state }) => `${state} ${name}`);
  assert.deepEqual(states(), ['ok certificate']);
  chmodSync(tls.keyFile, 0o644);
  assert.deepEqual(states(), ['ok certificate', 'problem HOOKLANE_TLS_KEY']);
  assert.deepEqual(examineCertificate({ tls: undefined }, NOW_MS), []);
  const missing = { ...tls, certFile: `${tls.certFile}.not` };
  assert.deepEqual(
    examineCertificate({ tls: missing }, NOW_MS).map(({ name, state }) => `${state} ${name}`),
    ['problem HOOKLANE_TLS_CERT'],
  );
});
