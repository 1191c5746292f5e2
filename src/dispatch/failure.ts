// What an exchange without an answer came to: the error of Node or undici that ended it, as what it means to whoever looks
// for the fault, in one plain line. Pure.

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

const OF_TLS = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Statuses by what undici says of them, which ends an exchange that is answered so before the answer is there. */
const UNASKED_BY_MESSAGE: ReadonlyMap<string, number> = new Map([
  ['bad response', 100],
  ['bad upgrade', 101],
]);

/** What `error` means, after the receiver has sent this status, or none yet: null. */
export function failureOf(error: Error, statusCode: number | null = null): NonNullable<Outcome['failure']> {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(cause);
  const isAssertion = code === 'ERR_ASSERTION';
  const isOfAnswer = isAssertion && statusCode !== null && statusCode < FINAL;
  const status = UNASKED_BY_MESSAGE.get(error.message) ?? (isOfAnswer ? statusCode : null);
  if (status !== null) return failureOfUnfinal(status);
  // What undici's parser says has no code.
  const isInternal = isAssertion || (code === '' && error.name !== 'HTTPParserError');
  const message = error.message || (cause instanceof Error ? cause.message : '');
  const [line = ''] = message.split('\n', 1);
  return {
    error: OF_TLS.test(code) ? 'tls' : (ERROR_OF_CODE[code] ?? 'network'),
    detail: isInternal ? 'what came back could not be understood' : line || code,
  };
}

function failureOfUnfinal(status: number): NonNullable<Outcome['failure']> {
  if (status >= 100) return { error: 'status', detail: `answered ${status}, which nobody asked for` };
  const digits = String(status).padStart(3, '0');
  return { error: 'network', detail: `answered ${digits}, which is no status of HTTP` };
}

/** The least status that ends an exchange: below are those that come before it, and what is none. */
export const FINAL = 200;

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
