// One HTTP request: what leaves, within what time, and what came of it. It decides nothing: whether there is a
// next attempt is the lane's business. It keeps two promises the lane relies on: no request leaves after its
// deadline (claimed at + timeout), and startedAtMs is not before it left.
//
// undici's dispatch() with a timer of our own: measured twice as fast as its request(), and the timer covers the
// whole exchange, from connecting to the last byte. No redirect is followed.

import type { KeyObject } from 'node:crypto';
import { Agent, type Dispatcher } from 'undici';
import type { AttemptError } from '../events.ts';
import type { SecretBox } from '../secrets.ts';
import type { Clock } from '../time.ts';
import { formatDuration } from '../time.ts';
import { VERSION } from '../version.ts';
import { MAX_IN_FLIGHT, type Request } from './crank.ts';
import type { Outcome } from './lane.ts';
import { signature, signingKey } from './sign.ts';

/** Of an answer so many bytes are read at most; the rest is cut off, the status counts all the same. */
const MAX_RESPONSE_BYTES = 64 * 1024;
/** Of these so many are kept, for people to see. */
const KEPT_RESPONSE_BYTES = 1024;
/** An idle connection is kept so long, or less where the receiver says so: it must not be the one to close first. */
const KEEP_ALIVE_MS = 4_000;

const USER_AGENT = `Hooklane/${VERSION}`;

/** Sends requests. Never rejects: what goes wrong is an outcome. */
export interface Sender {
  send(request: Request): Promise<Outcome>;
  /** Cuts what is still in flight. */
  close(): Promise<void>;
}

export function createSender({ secrets, clock }: { secrets: SecretBox; clock: Clock }): Sender {
  const agent = new Agent({
    connections: MAX_IN_FLIGHT,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The timer covers these as well.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 0 },
  });
  const opened: Opened = {
    secret: remembering((sealed) => secrets.open(sealed)),
    signingKey: remembering((sealed) => signingKey(secrets.open(sealed))),
  };

  return {
    send: (request) =>
      new Promise((resolve) => {
        const exchange = createExchange(request, clock, resolve);
        if (exchange.over) return;
        const { origin, pathname, search } = new URL(request.url);
        const options: Dispatcher.DispatchOptions = {
          origin,
          path: pathname + search,
          method: 'POST',
          headers: headersOf(request, clock(), opened),
          body: request.body,
        };
        agent.dispatch(options, exchange.handler);
      }),
    close: () => agent.destroy(),
  };
}

/** The headers of a request, at `nowMs`. */
function headersOf(request: Request, nowMs: number, opened: Opened) {
  const timestamp = Math.floor(nowMs / 1000);
  const keys = [opened.signingKey(request.signingSecret)];
  const signed = signature(keys, request.webhookId, timestamp, request.body);
  return {
    authorization: `Bearer ${opened.secret(request.organizationSecret)}`,
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'x-rails-webhook-gap': String(request.gapMs / 1000),
    'webhook-id': request.webhookId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signed,
  };
}

interface Exchange {
  readonly over: boolean;
  readonly handler: Dispatcher.DispatchHandler;
}

/** One exchange, from the claim to its one outcome. */
function createExchange(request: Request, clock: Clock, resolve: (outcome: Outcome) => void): Exchange {
  const handedOverAtMs = clock();
  let startedAtMs = handedOverAtMs;
  let over = false;
  let responseCode: number | null = null;
  let chunks: Buffer[] = [];
  let receivedBytes = 0;
  let abort: ((reason: Error) => void) | undefined;

  const deadlineMs = request.claimedAtMs + request.timeoutMs;
  const timer = setTimeout(timedOut, Math.max(0, deadlineMs - handedOverAtMs));
  if (deadlineMs <= handedOverAtMs) {
    finish({ error: 'interrupted', detail: 'its time was over before it could leave' });
  }

  function finish(failure: Outcome['failure']): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    const kept = Buffer.concat(chunks).subarray(0, KEPT_RESPONSE_BYTES).toString('utf8');
    chunks = [];
    resolve({
      startedAtMs,
      durationMs: Math.max(0, clock() - startedAtMs),
      responseCode,
      responseBody: responseCode === null ? null : kept,
      failure,
    });
  }

  function timedOut(): void {
    finish({ error: 'timeout', detail: `no complete answer within ${formatDuration(request.timeoutMs)}` });
    abort?.(new Error('timed out'));
  }

  function answered(): void {
    const ok = responseCode !== null && responseCode >= 200 && responseCode < 300;
    finish(ok ? null : { error: 'status', detail: `answered ${responseCode}` });
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      abort = (reason) => controller.abort(reason);
      // It waited for a connection until its time was over: it must not leave any more.
      if (over) abort(new Error('timed out'));
      // A millisecond more than the clock shows, as that cuts off what is less than one: the gap counts from here.
      else startedAtMs = clock() + 1;
    },
    onResponseStart(_controller, statusCode) {
      responseCode = statusCode;
    },
    onResponseData(controller, chunk) {
      if (receivedBytes < KEPT_RESPONSE_BYTES) chunks.push(chunk.subarray(0, KEPT_RESPONSE_BYTES));
      receivedBytes += chunk.length;
      if (receivedBytes <= MAX_RESPONSE_BYTES) return;
      answered();
      controller.abort(new Error('the answer is too long'));
    },
    onResponseEnd: answered,
    onResponseError(_controller, error) {
      finish(failureOf(error));
    },
  };
  return {
    get over() {
      return over;
    },
    handler,
  };
}

/** Codes of Node and undici, by what they mean to whoever looks for the fault. */
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
};

function failureOf(error: Error): { error: AttemptError; detail: string } {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const tls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
  const detail = error.message || (cause instanceof Error ? cause.message : code);
  return { error: tls ? 'tls' : (ERROR_OF_CODE[code] ?? 'network'), detail };
}

/** Secrets by how they are sealed. */
interface Opened {
  secret(sealed: string): string;
  signingKey(sealed: string): KeyObject;
}

/** Secrets that are remembered, as opening one costs more than sending with it. */
const MAX_REMEMBERED = 10_000;

function remembering<T>(open: (sealed: string) => T): (sealed: string) => T {
  const known = new Map<string, T>();
  return (sealed) => {
    const found = known.get(sealed);
    if (found !== undefined) return found;
    const opened = open(sealed);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(sealed, opened);
    return opened;
  };
}
