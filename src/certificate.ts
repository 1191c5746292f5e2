// The certificate that the API speaks TLS with, and its key: read from files, and held to each other before anybody is served
// with them. Neither is ever shown.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type ConfigProblem, InvalidConfig, type TlsFiles } from './config.ts';

export interface Certificate {
  /** PEM: the certificate, and those of the authorities between. */
  cert: string;
  /** PEM. */
  key: string;
  /** For whom it is, as `DNS:hooks.example.com, IP Address:192.0.2.1`. */
  names: string;
  expiresAtMs: number;
}

/** Reads both files. Throws InvalidConfig with all that is wrong with them. */
export function readCertificate({ certFile, keyFile }: TlsFiles): Certificate {
  const problems: ConfigProblem[] = [];

  function read<T>(name: string, file: string, parse: (text: string) => T, wanted: string) {
    const wrong = (message: string) => void problems.push({ name, value: file, message });
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      return wrong(`cannot be read: ${(error as Error).message}`);
    }
    try {
      return { text, value: parse(text) };
    } catch (error) {
      return wrong(`does not hold ${wanted}: ${(error as Error).message}`);
    }
  }

  const cert = read(
    'HOOKLANE_TLS_CERT',
    certFile,
    (text) => new X509Certificate(text),
    'a certificate (PEM)',
  );
  const wantedKey = 'a private key (PEM, without a passphrase)';
  const key = read('HOOKLANE_TLS_KEY', keyFile, (text): KeyObject => createPrivateKey(text), wantedKey);
  if (cert && key) {
    const refusal = whyUnusable(cert, key);
    if (refusal === undefined) {
      const { subject, subjectAltName = subject, validTo } = cert.value;
      return { cert: cert.text, key: key.text, names: subjectAltName, expiresAtMs: Date.parse(validTo) };
    }
    problems.push({ name: 'HOOKLANE_TLS_KEY', value: keyFile, message: refusal });
  }
  throw new InvalidConfig(problems);
}

interface Read<T> {
  text: string;
  value: T;
}

function whyUnusable(cert: Read<X509Certificate>, key: Read<KeyObject>): string | undefined {
  if (!cert.value.checkPrivateKey(key.value))
    return 'is not the key of the first certificate in HOOKLANE_TLS_CERT';
  try {
    createSecureContext({ cert: cert.text, key: key.text });
    return undefined;
  } catch (error) {
    return `cannot be used with the certificate: ${(error as Error).message}`;
  }
}
