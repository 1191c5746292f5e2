// One HTTP request: what leaves, within what time, and what came of it. It decides nothing: whether there is a
// next attempt is the lane's business. It keeps two promises the lane relies on: no request leaves after its
// deadline (when it may leave + timeout), and startedAtMs is not before it left.
//
// undici's dispatch() with a timer of our own: measured twice as fast as its request(), and the timer covers the
// whole exchange, from connecting to the last byte. No redirect is followed. What may be connected to is seen to in
// transport.ts.

import type { KeyObject } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Destinations } from '../destinations.ts';
import { FILTERED } from '../scrub-rules.ts';
import { type SecretBox, sealedUnder } from '../secrets.ts';
import type { Time } from '../time.ts';
import { formatDuration } from '../time.ts';
import { VERSION } from '../version.ts';
import { FINAL, failureOf, isOfUnsentBody } from './failure.ts';
import type { Outcome } from './lane.ts';
import type { Request } from './request.ts';
import { retryAfterMs } from './retry.ts';
import { signature, signingKey } from './sign.ts';
import type { Leaving, Transport } from './transport.ts';

/** Of an answer so many bytes are read at most; the rest is cut off, the status counts all the same. */
const MAX_RESPONSE_BYTES = 64 * 1024;
/** Of these so many are kept, for people to see. */
const KEPT_RESPONSE_BYTES = 1024;
/** So many more are looked at, for a secret that stands where it is cut. */
const MOST_SECRET_BYTES = 256;
const LOOKED_AT_BYTES = KEPT_RESPONSE_BYTES + MOST_SECRET_BYTES;

const USER_AGENT = `Hooklane/${VERSION}`;

/** Sends requests. What goes wrong is an outcome; it rejects with SecretUnreadable alone. */
export interface Sender {
  send(request: Request): Promise<Outcome>;
  /** Throws SecretUnreadable where one of these sealed secrets cannot be opened with the keys that there are. */
  ensureOpens(sealed: Iterable<string>): void;
  /** Cuts what is still in flight. */
  close(): Promise<void>;
}

export interface SenderOptions {
  secrets: Pick<SecretBox, 'open'>;
  time: Time;
  transport: Transport;
  destinations: Pick<Destinations, 'refusalOfUrl'>;
}

export function createSender({ secrets, time, transport, destinations }: SenderOptions): Sender {
  const opened: Opened = {
    secret: remembering((sealed) => secrets.open(sealed)),
    signingKey: remembering((sealed) => signingKey(secrets.open(sealed))),
  };

  // The rules stay as they are while we run. What a name resolves to is looked at for each connection (transport.ts).
  const targetOf = remembering((url) => {
    const refusal = destinations.refusalOfUrl(url);
    if (refusal !== undefined) return { refusal };
    const { origin, pathname, search } = new URL(url);
    return { target: { origin, path: pathname + search } };
  });

  return {
    send: (request) =>
      new Promise((resolve) => {
        const secret = opened.secret(request.organizationSecret);
        const exchange = createExchange(request, { secret, time, resolve });
        const { refusal, target } = targetOf(request.url);
        if (refusal !== undefined) exchange.fail(refusal);
        if (exchange.over || target === undefined) return;
        const options: Leaving = {
          ...target,
          method: 'POST',
          headers: headersOf(request, time.now(), { secret, signingKey: opened.signingKey }),
          body: request.body,
          reconnects: request.reconnects,
        };
        transport.dispatch(options, exchange.handler);
      }),
    ensureOpens(sealed) {
      const looked = new Set<string>();
      for (const secret of sealed) {
        const keyId = sealedUnder(secret);
        if (!looked.has(keyId)) opened.secret(secret);
        looked.add(keyId);
      }
    },
    close: () => transport.close(),
  };
}

/** The headers of a request, at `nowMs`. */
function headersOf(
  request: Request,
  nowMs: number,
  { secret, signingKey }: Pick<Opened, 'signingKey'> & { secret: string },
) {
  const timestamp = Math.floor(nowMs / 1000);
  const keys = request.signingSecrets.map(signingKey);
  const signed = signature(keys, request.webhookId, timestamp, request.body);
  return {
    authorization: `Bearer ${secret}`,
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'x-rails-webhook-gap': String(request.gapMs / 1000),
    'x-webhook-omitted': String(request.omitted),
    'webhook-id': request.webhookId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signed,
  };
}

interface Exchange {
  readonly over: boolean;
  /** Ends it before it has left. */
  fail(failure: NonNullable<Outcome['failure']>): void;
  readonly handler: Dispatcher.DispatchHandler;
}

interface ExchangeOptions {
  /** What the request bears: some receivers answer with what they were sent. */
  secret: string;
  time: Time;
  resolve: (outcome: Outcome) => void;
}

/** One exchange, from the claim to its one outcome. */
function createExchange(request: Request, options: ExchangeOptions): Exchange {
  const { secret, time, resolve } = options;
  const handedOverAtMs = time.now();
  let startedAtMs = handedOverAtMs;
  let over = false;
  /** The last one that came, of an answer or before it. */
  let status: number | null = null;
  let responseCode: number | null = null;
  let retryMs: number | null = null;
  let chunks: Buffer[] = [];
  let receivedBytes = 0;
  let abort: ((reason: Error) => void) | undefined;

  const deadlineMs = request.startsAtMs + request.timeoutMs;
  const callOff = time.after(Math.max(0, deadlineMs - handedOverAtMs), timedOut);
  if (deadlineMs <= handedOverAtMs) finish(TOO_LATE);

  function finish(failure: Outcome['failure']): void {
    if (over) return;
    over = true;
    callOff();
    const kept = startOf(Buffer.concat(chunks), secret);
    chunks = [];
    resolve({
      startedAtMs,
      durationMs: Math.max(0, time.now() - startedAtMs),
      responseCode,
      responseBody: responseCode === null ? null : kept,
      retryAfterMs: retryMs,
      failure,
    });
  }

  function timedOut(): void {
    finish({ error: 'timeout', detail: `no complete answer within ${formatDuration(request.timeoutMs)}` });
    abort?.(new Error('timed out'));
  }

  function answered(): void {
    finish(responseCode === null ? null : failureOfStatus(responseCode));
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      abort = (reason) => controller.abort(reason);
      const nowMs = time.now();
      // It waited for a connection, or this process was stopped, until its time was over: it must not leave any more.
      if (!over && nowMs >= deadlineMs) finish(TOO_LATE);
      if (over) abort(new Error('too late'));
      // A millisecond more than the clock shows, as that cuts off what is less than one: the gap counts from here.
      else startedAtMs = nowMs + 1;
    },
    onResponseStart(_controller, statusCode, headers) {
      status = statusCode;
      if (status < FINAL) return;
      responseCode = status;
      const { 'retry-after': retryAfter } = headers;
      if (typeof retryAfter === 'string') retryMs = retryAfterMs(retryAfter, time.now());
    },
    onResponseData(controller, chunk) {
      if (receivedBytes < LOOKED_AT_BYTES) chunks.push(chunk.subarray(0, LOOKED_AT_BYTES));
      receivedBytes += chunk.length;
      if (receivedBytes <= MAX_RESPONSE_BYTES) return;
      answered();
      controller.abort(new Error('the answer is too long'));
    },
    onResponseEnd: answered,
    onResponseError(_controller, error) {
      if (isOfUnsentBody(error, responseCode)) answered();
      else finish(failureOf(error, status));
    },
  };
  return {
    get over() {
      return over;
    },
    fail: finish,
    handler,
  };
}

/** What is kept of an answer, without the secret, nor the beginning of one where it was cut. */
function startOf(answer: Buffer, secret: string): string {
  if (!answer.includes(secret)) return answer.subarray(0, KEPT_RESPONSE_BYTES).toString('utf8');
  const start = answer.subarray(0, LOOKED_AT_BYTES).toString('utf8').replaceAll(secret, FILTERED);
  const whole = answer.length < LOOKED_AT_BYTES ? start : start.slice(0, -secret.length);
  return Buffer.from(whole).subarray(0, KEPT_RESPONSE_BYTES).toString('utf8');
}

const TOO_LATE = { error: 'interrupted', detail: 'its time was over before it could leave' } as const;

/** 2xx alone is success. */
function failureOfStatus(code: number): Outcome['failure'] {
  if (code >= 200 && code < 300) return null;
  if (code < 300 || code >= 400) return { error: 'status', detail: `answered ${code}` };
  return { error: 'redirect', detail: `answered ${code}; redirects are not followed` };
}

/** Secrets by how they are sealed. */
interface Opened {
  secret(sealed: string): string;
  signingKey(sealed: string): KeyObject;
}

/** Secrets that are remembered, as opening one costs more than sending with it. */
const MAX_REMEMBERED = 10_000;

function remembering<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(text, made);
    return made;
  };
}
