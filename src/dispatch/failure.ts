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
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const tls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
  const detail = error.message || (cause instanceof Error ? cause.message : code);
  return { error: tls ? 'tls' : (ERROR_OF_CODE[code] ?? 'network'), detail };
}
