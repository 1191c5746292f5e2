// Problems: how HTTP says no (RFC 9457). What the client did is told in full, what happened inside is not told.

import type { FastifyReply } from 'fastify';
import { LogBusy, LogRefused, LogUnavailable } from '../log/log.ts';
import { InvalidQuery, NotFound } from '../query/errors.ts';
import { ViewsUnavailable } from '../views/views.ts';
import { InvalidInput } from './input.ts';

/** A problem, thrown by whatever finds it. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  /** The part of the request that is wrong, if it is one. */
  readonly field: string | undefined;
  constructor(
    status: number,
    code: string,
    detail: string,
    headers: Record<string, string> = {},
    field?: string,
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.field = field;
  }
}

/** As it is sent. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: readonly { field: string; message: string }[];
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The body of a problem. */
export function details(status: number, code: string, detail: string): ProblemDetails {
  return { type: `urn:hooklane:problem:${code}`, title: TITLES[status] ?? 'Error', status, detail };
}

/** The problem that a client's own error is. */
export function problemOf(error: Problem | InvalidInput): ProblemDetails {
  if (error instanceof InvalidInput)
    return { ...details(422, 'invalid-input', error.message), errors: error.errors };
  const { status, code, message, field } = error;
  const told = details(status, code, message);
  return field === undefined ? told : { ...told, errors: [{ field, message }] };
}

/** Seconds after which it is worth trying again when log or views are away. */
const RETRY_AFTER_S = '1';

/** Answers with the problem that an error is; an error that is none is our fault, and says nothing of itself. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof Problem) return send(reply.headers(error.headers), problemOf(error));
  if (error instanceof InvalidInput) return send(reply, problemOf(error));
  if (error instanceof InvalidQuery) {
    const { field } = error;
    // As those of InvalidInput: who shows both need not say the field twice.
    const errors = [{ field, message: error.message.slice(`${field}: `.length) }];
    return send(reply, { ...details(422, 'invalid-query', error.message), errors });
  }
  if (error instanceof NotFound) return send(reply, details(404, 'not-found', error.message));
  if (error instanceof LogBusy) {
    const detail = 'The log does not keep up with what is posted; nothing was accepted. Try again later.';
    return send(reply.header('retry-after', RETRY_AFTER_S), details(503, 'busy', detail));
  }
  if (error instanceof LogUnavailable || error instanceof LogRefused || error instanceof ViewsUnavailable) {
    // Damage does not pass by itself: who runs this must learn of it.
    if (error instanceof LogRefused) reply.log.error({ err: error }, 'the log is damaged');
    // Of a log that does not answer nobody knows whether it has what it was sent.
    const what =
      error instanceof ViewsUnavailable
        ? 'The read models cannot be used at the moment; nothing was accepted.'
        : 'The log cannot be used at the moment; nothing is promised to be accepted.';
    const detail = `${what} Try again later.`;
    return send(reply.header('retry-after', RETRY_AFTER_S), details(503, 'unavailable', detail));
  }
  return sendFrameworkProblem(reply, error);
}

/** What Fastify itself finds wrong, by its codes. */
const OF_FASTIFY: Readonly<Record<string, [status: number, code: string, detail: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'too-large', 'The body is too large.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    'not-json',
    'The content type must be application/json, of a batch and of an import application/x-ndjson.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'bad-request', 'The body is not as long as content-length says.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'not-json', 'The body is empty; it must be JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'not-json', 'The body is not JSON.'],
  FST_ERR_BAD_URL: [400, 'bad-request', 'The URL is malformed.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'url-too-long', 'A part of the URL is too long to name anything.'],
};

function sendFrameworkProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = OF_FASTIFY[code];
  if (known !== undefined) return send(reply, details(...known));
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500)
    return send(reply, details(status, 'bad-request', (error as Error).message));
  reply.log.error({ err: error }, 'a request failed through a fault of ours');
  return send(reply, details(500, 'internal', 'Something went wrong here; it is logged.'));
}

function send(reply: FastifyReply, problem: ProblemDetails): FastifyReply {
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problem));
}
