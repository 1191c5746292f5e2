// Renewed certificates, as certbot leaves them: taken into use when the files have changed, or at SIGHUP, without a
// connection being cut. What cannot be used is told of, and the certificate before it serves on.

import type { Server } from 'node:tls';
import type { Logger } from 'pino';
import { type Certificate, readCertificate } from '../certificate.ts';
import { InvalidConfig, type TlsFiles } from '../config.ts';
import { toIso } from '../time.ts';

/** How often the files are read: they are small, and links to others, whose changes no watcher tells of. */
const EVERY_MS = 10_000;

export interface Renewal {
  server: Server;
  files: TlsFiles;
  /** With what it serves. */
  current: Certificate;
  logger: Pick<Logger, 'info' | 'error'>;
  everyMs?: number;
}

/** Watches until the returned function is called. */
export function renewCertificate({
  server,
  files,
  logger,
  everyMs = EVERY_MS,
  ...given
}: Renewal): () => void {
  let { current } = given;
  let told: string | undefined;

  function look(): void {
    try {
      const found = readCertificate(files);
      told = undefined;
      if (found.cert === current.cert && found.key === current.key) return;
      server.setSecureContext({ cert: found.cert, key: found.key });
      current = found;
      logger.info({ expiresAt: toIso(found.expiresAtMs) }, 'the certificate was renewed');
    } catch (error) {
      if (!(error instanceof InvalidConfig)) throw error;
      if (error.message === told) return;
      told = error.message;
      logger.error({ err: error }, 'the certificate cannot be renewed, the one before serves on');
    }
  }

  const timer = setInterval(look, everyMs);
  process.on('SIGHUP', look);
  return () => {
    clearInterval(timer);
    process.off('SIGHUP', look);
  };
}
