// Certificates as an authority of one's own signs them, made by openssl.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM files. */
export interface Issued {
  certFile: string;
  keyFile: string;
}

export interface Authority {
  /** Its own certificate. */
  caFile: string;
  /** A certificate for 127.0.0.1 that lasts so many days, under a name of its own in the directory. */
  issue(name: string, days?: number): Issued;
}

/** An authority whose files are in `directory`. */
export function createAuthority(directory: string): Authority {
  const at = (file: string) => join(directory, file);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = (file: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    file,
  ];
  const [caFile, caKey] = [at('ca.pem'), at('ca.key')];
  openssl('req', '-x509', ...newKey(caKey), '-days', '2', '-subj', '/CN=Test authority', '-out', caFile);
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  return {
    caFile,
    issue(name, days = 90) {
      const [certFile, keyFile, request] = [at(`${name}.pem`), at(`${name}.key`), at(`${name}.csr`)];
      openssl('req', ...newKey(keyFile), '-subj', `/CN=${name}`, '-out', request);
      const signed = [
        '-in',
        request,
        '-CA',
        caFile,
        '-CAkey',
        caKey,
        '-CAcreateserial',
        '-extfile',
        at('names'),
      ];
      openssl('x509', '-req', ...signed, '-days', String(days), '-out', certFile);
      return { certFile, keyFile };
    },
  };
}
