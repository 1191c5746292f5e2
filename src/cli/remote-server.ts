// A server somewhere else, spoken to over HTTP with a token of its own. What it finds wrong is thrown as it would be here, so
// that it is told in the same words, and of the same option.

import type { Readable } from 'node:stream';
import type { ApiRequest } from '../command/admin/operations.ts';
import { InvalidInput } from '../command/input.ts';
import { InvalidConfig } from '../config.ts';
import { LogUnavailable } from '../log/log.ts';
import { InvalidQuery, NotFound } from '../query/errors.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { hasShape, type Shape } from './answer-shape.ts';
import { CommandFailed } from './failed.ts';
import { isServerUrl, SERVER_URL_ALLOWED } from './options.ts';
import { harmless } from './output.ts';

export interface RemoteServer {
  /** Without the path of the API. */
  url: string;
  token: string;
}

/** Where the server is that HOOKLANE_URL names; undefined: none is named. Throws InvalidConfig. */
export function remoteUrl(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const text = env.HOOKLANE_URL || undefined;
  if (text === undefined) return undefined;
  if (!isServerUrl(text)) {
    const message = `is not allowed; allowed: ${SERVER_URL_ALLOWED}`;
    throw new InvalidConfig([{ name: 'HOOKLANE_URL', message }]);
  }
  return new URL(text).href.replace(/\/+$/, '');
}

/**
 * The server that HOOKLANE_URL names, with the token of HOOKLANE_TOKEN or else HOOKLANE_ADMIN_TOKEN; undefined: none is
 * named. Throws InvalidConfig.
 */
export function remoteServer(env: Readonly<Record<string, string | undefined>>): RemoteServer | undefined {
  const url = remoteUrl(env);
  if (url === undefined) return undefined;
  const token = env.HOOKLANE_TOKEN || env.HOOKLANE_ADMIN_TOKEN || undefined;
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    const message =
      token === undefined
        ? 'is missing: a server is asked with its admin token, or with one that it has made'
        : 'is not allowed; allowed: visible ASCII characters without spaces';
    throw new InvalidConfig([{ name: 'HOOKLANE_TOKEN', message }]);
  }
  return { url, token };
}

/** A request below the path of the API. What it asks with is sent as JSON. */
export interface Asked extends Omit<ApiRequest, 'method' | 'headers'> {
  method: ApiRequest['method'] | 'GET';
}

export interface AskedMore {
  signal?: AbortSignal;
  /** Instead of `input`, as it comes. */
  body?: Readable;
  headers?: Record<string, string>;
  /** Until the answer begins, and between its pieces; 0: for ever. Default: ANSWERED_WITHIN_MS. */
  headersTimeout?: number;
  bodyTimeout?: number;
}

/** What is asked takes a server 10 s at most, unless it is said to take longer. */
export const ANSWERED_WITHIN_MS = 30_000;

/** For what takes as long as it takes. */
export const PATIENT = { headersTimeout: 300_000, bodyTimeout: 300_000 };

export interface Connection {
  url: string;
  /** The answer to a request; it is a success. Rejects with what is wrong, and ServerAway where no server is. */
  call(asked: Asked, more?: AskedMore): Promise<Answer>;
  /** The JSON in it. Rejects with CommandFailed where that is no answer of Hooklane's: see answer-shape.ts. */
  ask<T extends object>(asked: Asked, shape: Shape<T>, more?: AskedMore): Promise<T>;
  /** What is answered with nothing. Rejects with CommandFailed where there is something. */
  order(asked: Asked): Promise<void>;
}

type Answer = AsyncIterable<Buffer> & { text(): Promise<string>; status: number };

/** There is no server, or no longer. */
export class ServerAway extends Error {
  readonly code = 'SERVER_AWAY';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServerAway';
  }
}

/** Loads what speaks HTTP, which other commands do without. */
export async function connect({ url, token }: RemoteServer): Promise<Connection> {
  const { request } = await import('undici');

  const call: Connection['call'] = async ({ method, path, input }, { headers, body, ...more } = {}) => {
    const answer = await request(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(input === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body ?? (input === undefined ? null : JSON.stringify(input)),
      ...{ headersTimeout: ANSWERED_WITHIN_MS, bodyTimeout: ANSWERED_WITHIN_MS },
      ...more,
    }).catch((error: Error) => {
      throw more.signal?.aborted ? error : away(url, error);
    });
    if (answer.statusCode < 300) return Object.assign(answer.body, { status: answer.statusCode });
    const text = await textOf(answer.body);
    const { location } = answer.headers;
    if (answer.statusCode < 400 && typeof location === 'string') {
      const to = harmless(location.slice(0, MOST_SHOWN));
      throw new CommandFailed(
        `${url} leads on to ${to} (${answer.statusCode}); set HOOKLANE_URL, or --url, to where Hooklane listens`,
      );
    }
    throw problemOf(url, answer.statusCode, text);
  };

  async function textOf(answer: Pick<Answer, 'text'>): Promise<string> {
    try {
      return await answer.text();
    } catch (error) {
      throw away(url, error as Error);
    }
  }

  return {
    url,
    call,
    async ask<T extends object>(asked: Asked, shape: Shape<T>, more?: AskedMore) {
      const answer: unknown = parsedOr(undefined, await textOf(await call(asked, more)));
      if (!hasShape(answer, shape)) throw new CommandFailed(stranger(url));
      return answer;
    },
    async order(asked) {
      const answer = await call(asked);
      await textOf(answer);
      if (answer.status !== NO_CONTENT) throw new CommandFailed(stranger(url));
    },
  };
}

const NO_CONTENT = 204;
/** Of what others than Hooklane say, in characters. */
const MOST_SHOWN = 200;

function away(url: string, error: Error): ServerAway {
  const message = isCut(error) ? `${url} is gone: ${error.message}` : unreachable(url, error);
  return new ServerAway(message, { cause: error });
}

/** What is said of whatever listens there instead of Hooklane. */
export function stranger(url: string): string {
  return `${url} answers something else than Hooklane does`;
}

/** What OpenSSL finds of a certificate that nobody it knows has signed. */
const UNTRUSTED = [
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];

/** Why a request to `url` had no answer, for people. */
export function unreachable(url: string, error: Error): string {
  if (/_(HEADERS|BODY)_TIMEOUT$/.test(codeOf(error)))
    return `${url} does not answer; is it where Hooklane listens, and does it run?`;
  return `${url} cannot be reached: ${error.message.trim().replaceAll(/\s*\n\s*/g, '; ')}; ${mendOf(url, codeOf(error))}`;
}

function mendOf(url: string, code: string): string {
  if (UNTRUSTED.includes(code))
    return 'set NODE_EXTRA_CA_CERTS to a file (PEM) with the authority that has signed its certificate';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return `it speaks no TLS there: is it ${url.replace(/^https:/, 'http:')}?`;
  return 'is it where Hooklane listens?';
}

/** Whether a connection that there was has broken. */
export function isCut(error: unknown): boolean {
  return codeOf(error) === 'UND_ERR_SOCKET';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What a server says no with (RFC 9457), as what a command would throw by itself. */
function problemOf(url: string, status: number, text: string): Error {
  const { type, detail, errors = [] } = parseProblem(text);
  if (type === 'urn:hooklane:problem:invalid-input') return new InvalidInput(errors);
  const [first] = errors;
  if (type === 'urn:hooklane:problem:invalid-query' && first !== undefined) {
    return new InvalidQuery(first.field, first.message.replace(`${first.field}: `, ''));
  }
  if (type === 'urn:hooklane:problem:invalid-import') return new TransferRefused(harmless(detail ?? ''));
  if (type === 'urn:hooklane:problem:transfer-refused')
    return new TransferRefused(harmless(detail ?? ''), { with: 'log' });
  if (type === 'urn:hooklane:problem:unavailable')
    return new LogUnavailable(`${url}: ${harmless(detail ?? '')}`);
  if (type === 'urn:hooklane:problem:not-found') return new NotFound('', '', detail);
  if (status === 401) {
    return new CommandFailed(
      `${url} refuses the token: ${harmless(detail ?? '')} Set HOOKLANE_TOKEN, or --token, to one that it takes`,
    );
  }
  if (type === 'urn:hooklane:problem:stopping') return new ServerAway(`${url} is being stopped`);
  if (status === 408) {
    return new CommandFailed(
      `${url} would wait no longer for the rest of it; try again, or import it on the machine of the server`,
    );
  }
  if (type === undefined) {
    return new CommandFailed(
      `${url} answered ${status}: ${harmless(text.slice(0, MOST_SHOWN))}; is it where Hooklane listens?`,
    );
  }
  return new CommandFailed(harmless(detail ?? `${url} answered ${status}`));
}

interface ProblemText {
  type?: string;
  detail?: string;
  errors?: { field: string; message: string }[];
}

function parseProblem(text: string): ProblemText {
  const problem: unknown = parsedOr({}, text);
  return typeof problem === 'object' && problem !== null ? problem : {};
}

/** `otherwise` where it is not JSON: something else than Hooklane answers there. */
export function parsedOr(otherwise: unknown, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
