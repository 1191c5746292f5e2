// A client of the API, as users write one, and what each of its answers must be.

import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';

export const ADMIN_TOKEN = 'admin_0123456789abcdef';

export interface Answer {
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  /** The body as it came. */
  text: string;
  /** What the body says; undefined: there is none, or it is lines. */
  body: Record<string, unknown> | undefined;
}

export interface Call {
  method?: Dispatcher.HttpMethod;
  /** Default: the admin token. Null: none. */
  token?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer | Readable;
}

export interface Client {
  call(path: string, call?: Call): Promise<Answer>;
  /** As call(), and fails unless it is answered 2xx. */
  ok<Body = Record<string, string>>(path: string, call?: Call): Promise<Body>;
  close(): Promise<void>;
}

/** A request that is not answered within this time hangs. */
const ANSWERED_WITHIN_MS = 20_000;

/** A client of the API that listens at `url`. */
export function createClient(url: string): Client {
  const dispatcher = new Agent({ headersTimeout: ANSWERED_WITHIN_MS, bodyTimeout: ANSWERED_WITHIN_MS });

  async function call(path: string, { method, token = ADMIN_TOKEN, ...rest }: Call = {}): Promise<Answer> {
    const sent = rest.json === undefined ? rest.raw : JSON.stringify(rest.json);
    const response = await request(`${url}${path}`, {
      dispatcher,
      method: method ?? (sent === undefined ? 'GET' : 'POST'),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...rest.headers,
      },
      body: sent ?? null,
    });
    const text = await response.body.text();
    const { statusCode: status, headers } = response;
    const isJson = text !== '' && headers['content-type'] !== 'application/x-ndjson';
    return { status, headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  return {
    call,
    async ok<Body>(path: string, what?: Call) {
      const { status, text, body } = await call(path, what);
      assert.ok(status >= 200 && status < 300, `${path}: ${status} ${text}`);
      return (body ?? {}) as Body;
    },
    close: () => dispatcher.close(),
  };
}

/** Checks that an answer is a problem as RFC 9457 has it, of this status, and tells nothing of the inside. */
export function assertProblem({ status, headers, body }: Answer, expected: number): void {
  assert.equal(status, expected, JSON.stringify(body));
  assert.match(String(headers['content-type']), /^application\/problem\+json/);
  assert.ok(body !== undefined);
  assert.equal(body.status, expected);
  assert.match(String(body.type), /^urn:hooklane:problem:[a-z-]+$/);
  assert.ok(typeof body.title === 'string' && body.title.length > 0);
  assert.ok(typeof body.detail === 'string' && body.detail.length > 0);
  assert.doesNotMatch(JSON.stringify(body), /\n\s+at |node_modules|\.ts:\d/);
}

/** The names of the fields that a 422 complains of. */
export function wrongFields({ body }: Answer): string[] {
  const errors = (body?.errors ?? []) as { field: string }[];
  return errors.map(({ field }) => field);
}
