// What an exchange without an answer came to: the error of Node or undici that ended it, as what it means to whoever looks
// for the fault. Pure.

import type { AttemptError } from '../events.ts';
import type { Outcome } from './lane.ts';

const ERROR_OF_CODE: Readonly<Record<string, AttemptError>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  EPROTO: 'tls',
  ADDRESS_REFUSED: 'address',
  CONNECTION_CLOSED: 'closed',
};

export function failureOf(error: Error): NonNullable<Outcome['failure']> {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(cause);
  const tls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
  const detail = error.message || (cause instanceof Error ? cause.message : code);
  return { error: tls ? 'tls' : (ERROR_OF_CODE[code] ?? 'network'), detail };
}

/** Statuses whose answers have no body, whatever their headers say (RFC 9112 section 6.3). */
const BODILESS: ReadonlySet<number | null> = new Set([204, 304]);

/** Whether nothing is wrong with an answer but that it tells the length of a body, and can have none. */
export function isOfUnsentBody(error: Error, responseCode: number | null): boolean {
  return BODILESS.has(responseCode) && codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/** Empty where there is none. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
