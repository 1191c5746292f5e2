// The certificate of the API: whether it is one, fits its key, and for how long it lasts. Judged apart from where it is read.

import { statSync } from 'node:fs';
import { type Certificate, readCertificate } from '../../certificate.ts';
import { type Config, InvalidConfig } from '../../config.ts';
import { inWords } from '../../query/health.ts';
import { toIso } from '../../time.ts';
import { type Check, checksOf } from './check.ts';

const { ok, warning, problem } = checksOf('server');
const NAME = 'certificate';

/** certbot renews 30 days before the end: later than this it has not. */
const SOON_MS = 14 * 86_400_000;

/** Looks at the files, where TLS is configured. */
export function examineCertificate({ tls }: Pick<Config, 'tls'>, nowMs: number): Check[] {
  if (tls === undefined) return [];
  try {
    const found = readCertificate(tls);
    return [...judgeCertificate(found, nowMs), ...judgeKeyMode(tls.keyFile, statSync(tls.keyFile).mode)];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.problems.map(({ name, value, message }) =>
      problem(name, `${value} ${message}`, 'put a certificate and its key there, as PEM'),
    );
  }
}

export function judgeCertificate({ names, expiresAtMs }: Certificate, nowMs: number): Check[] {
  const leftMs = expiresAtMs - nowMs;
  const mend = 'renew it: a server that runs takes it into use by itself';
  if (leftMs <= 0) return [problem(NAME, `it is of ${names}, and ended at ${toIso(expiresAtMs)}`, mend)];
  const detail = `it is of ${names}, and lasts until ${toIso(expiresAtMs)}`;
  if (leftMs < SOON_MS) return [warning(NAME, `${detail}, another ${inWords(leftMs)}`, mend)];
  return [ok(NAME, detail)];
}

/** A group, such as ssl-cert, may read it. */
export function judgeKeyMode(file: string, mode: number): Check[] {
  if (process.platform === 'win32' || (mode & 0o007) === 0) return [];
  return [problem('HOOKLANE_TLS_KEY', `${file} may be read by everybody`, `chmod o= ${file}`)];
}
