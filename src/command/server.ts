// The HTTP server: routes, errors, limits of time and size. It appends and asks; it decides nothing of deliveries.

import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Log } from '../log/log.ts';
import { NotFound } from '../query/errors.ts';
import type { Queries } from '../query/queries.ts';
import type { Clock } from '../time.ts';
import type { Administrator } from './admin/administrator.ts';
import { NameTaken } from './admin/decision.ts';
import { NotRetryable } from './admin/retry.ts';
import { adminRoutes } from './admin-routes.ts';
import { ensureAdmin } from './authenticate.ts';
import type { Directory } from './directory.ts';
import { details, Problem, sendProblem } from './problem.ts';
import { readRoutes } from './read-routes.ts';
import { inboundResources } from './resources.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** Of a body. */
const BODY_LIMIT_BYTES = 256 * 1024;
/** A whole request must be here within this time. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An idle connection is kept so long. */
const KEEP_ALIVE_MS = 72_000;

export interface ServerOptions {
  log: Log;
  directory: Directory;
  administrator: Administrator;
  queries: Queries;
  clock: Clock;
  logger: NonNullable<FastifyServerOptions['loggerInstance']>;
  production: boolean;
  /** SHA-256 of the admin token, hexadecimal. */
  adminTokenHash: string;
  /** What is not ready; empty: all is. */
  notReady: () => Promise<{ part: string; detail: string }[]>;
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const { log, directory, administrator, queries, clock, logger, production, adminTokenHash } = options;
  const server: FastifyInstance = Fastify({
    loggerInstance: logger,
    // A line a post would cost as much as the post; what happened to each is in the log of events.
    disableRequestLogging: true,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error),
    clientErrorHandler(error, socket) {
      if (!socket.writable) return;
      const status =
        error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      const body = JSON.stringify(details(status, 'bad-request', 'The request is not HTTP as it should be.'));
      const head = `HTTP/1.1 ${status} \r\ncontent-type: application/problem+json\r\nconnection: close\r\n`;
      socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    },
  });
  server.setErrorHandler((error, _request, reply) => sendProblem(reply, asProblem(error)));
  server.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem(404, 'no-route', `There is no ${request.method} ${request.url.split('?')[0]}.`),
    ),
  );

  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const parts = await options.notReady();
    if (parts.length > 0) reply.code(503);
    return { status: parts.length > 0 ? 'not ready' : 'ready', parts };
  });

  server.register(rateLimit, { global: false });
  const prefix = '/api/v1';
  server.register(
    (scope) =>
      webhookRoutes(scope, {
        log,
        directory,
        clock,
        resources: inboundResources,
        production,
        limitBytes: BODY_LIMIT_BYTES,
      }),
    { prefix },
  );
  server.register(
    async (scope) => {
      scope.addHook('onRequest', async (request) => ensureAdmin(request, adminTokenHash));
      await adminRoutes(scope, {
        administrator,
        queries,
        organizationId: (idOrName) => organizationId(directory, idOrName),
      });
      await readRoutes(scope, { queries });
    },
    { prefix },
  );
  return server;
}

/** Errors of administration, as HTTP has them. */
function asProblem(error: unknown): unknown {
  if (error instanceof NameTaken) return new Problem(409, 'name-taken', error.message);
  if (error instanceof NotRetryable) return new Problem(409, 'not-retryable', error.message);
  return error;
}

/** Organizations may be named. Throws NotFound. */
function organizationId({ state }: Directory, idOrName: string): string {
  for (const { id, name } of state.organizations.values())
    if (id === idOrName || name === idOrName) return id;
  throw new NotFound('organization', idOrName);
}
