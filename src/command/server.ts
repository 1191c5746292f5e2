// The HTTP server: routes, errors, limits of time and size. It appends and asks; it decides nothing of deliveries.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import { MAX_BODY_BYTES } from '../events.ts';
import type { Limits } from '../limits/limits.ts';
import type { Log } from '../log/log.ts';
import { NotFound } from '../query/errors.ts';
import type { Queries } from '../query/queries.ts';
import { rateLimitOf } from '../rate-limit.ts';
import type { SecretBox } from '../secrets.ts';
import type { Clock } from '../time.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { type Administrator, TooBusy } from './admin/administrator.ts';
import { EndpointIsDisabled, NameTaken } from './admin/decision.ts';
import { NotRetryable } from './admin/retry.ts';
import { adminRoutes } from './admin-routes.ts';
import { ensureAdmin } from './authenticate.ts';
import type { Directory } from './directory.ts';
import type { Organization } from './directory-state.ts';
import { type JobRoutesOptions, jobRoutes } from './job-routes.ts';
import { JobRuns } from './jobs.ts';
import { createNotHttp } from './not-http.ts';
import { otherMethods, rememberMethods } from './other-methods.ts';
import { details, Problem, sendProblem } from './problem.ts';
import { readRoutes } from './read-routes.ts';
import { inboundResources } from './resources.ts';
import { createStrangers } from './strangers.ts';
import { type TailRoutesOptions, tailRoutes } from './tail-routes.ts';
import { transferRoutes } from './transfer-routes.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** The head of a request must be here within this time, and all of it within that. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How often it is looked for requests that take too long. */
const TIMEOUT_CHECK_MS = 5_000;
/** An idle connection is kept so long. */
const KEEP_ALIVE_MS = 72_000;
/** More connections at a time are closed at once. */
const MAX_CONNECTIONS = 10_000;
/** Of a part of a URL: a name of 100 characters, of four bytes each, percent-encoded. */
const MAX_PARAM_LENGTH = 1_200;

export interface ServerOptions {
  log: Log;
  /** Counts the posts of integrations. */
  limits: Limits;
  directory: Directory;
  administrator: Administrator;
  queries: Queries;
  secrets: SecretBox;
  clock: Clock;
  logger: NonNullable<FastifyServerOptions['loggerInstance']>;
  production: boolean;
  /** SHA-256 of the admin token, hexadecimal. */
  adminTokenHash: string;
  /** How many requests of one address may have no token that is known, as `600/1m`; null: any number. */
  unauthenticated: string | null;
  /** Addresses of proxies, as CIDRs, that are believed when they say for whom they ask. */
  trustProxy: readonly string[];
  /** Resolves when the read models have all that is in the log; bounded. */
  caughtUp: () => Promise<unknown>;
  /** Whether the read models have what stands at these positions; bounded. */
  reached: TailRoutesOptions['reached'];
  /** How it all stands: a JSON document. */
  status: () => Promise<object>;
  /** What can be done as a job, and on which read models. */
  jobs: Pick<JobRoutesOptions, 'doTask' | 'views'>;
  /** What is not ready; empty: all is. */
  notReady: () => Promise<{ part: string; detail: string }[]>;
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const notHttp = createNotHttp();
  const server: FastifyInstance = Fastify({
    loggerInstance: options.logger,
    // A line a post would cost as much as the post; what happened to each is in the log of events.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      // Node would refuse a request without one with an empty answer.
      requireHostHeader: false,
      // Who follows and is gone without a word is found out.
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    },
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Fastify's own answer while it stops is no problem as RFC 9457 has it.
    return503OnClosing: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    requestIdHeader: false,
    genReqId: requestIdOf,
    // No hook runs for these.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(reply.header('x-request-id', request.id), error),
    clientErrorHandler: notHttp.refuse,
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.server.prependListener('request', notHttp.take);
  server.server.on('checkExpectation', (_request, response: ServerResponse) => {
    const problem = details(417, 'bad-request', 'The only expectation that is met is 100-continue.');
    const headers = { 'content-type': 'application/problem+json', connection: 'close' };
    response.writeHead(problem.status, headers).end(JSON.stringify(problem));
  });
  let isStopping = false;
  server.addHook('preClose', async () => {
    isStopping = true;
  });
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (isStopping)
      done(new Problem(503, 'stopping', 'The server is being stopped.', { 'retry-after': '1' }));
    else if (hasHost(request.raw)) done();
    else done(new Problem(400, 'bad-request', 'The request needs the header host.', { connection: 'close' }));
  });
  const methodsOf = rememberMethods(server);
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
    if (parts.length === 0) return { status: 'ready', parts };
    const detail = `Not ready: ${parts.map(({ part }) => part).join(', ')}.`;
    reply.code(503).header('content-type', 'application/problem+json');
    return JSON.stringify({ ...details(503, 'not-ready', detail), parts });
  });

  server.register(rateLimit, { global: false });
  server.register((scope) => apiRoutes(scope, options), { prefix: '/api/v1' });
  server.register((scope) => otherMethods(scope, methodsOf));
  return server;
}

async function apiRoutes(server: FastifyInstance, options: ServerOptions): Promise<void> {
  const { log, limits, directory, queries, secrets, clock, adminTokenHash, caughtUp } = options;
  const { unauthenticated } = options;
  const strangers = createStrangers(server, unauthenticated === null ? null : rateLimitOf(unauthenticated));
  const ensureIsAdmin = (request: FastifyRequest) => ensureAdmin(request, adminTokenHash, strangers);
  await server.register((scope) =>
    webhookRoutes(scope, {
      ...{ log, limits, strangers, directory, clock, production: options.production },
      resources: inboundResources,
      limitBytes: MAX_BODY_BYTES,
    }),
  );
  await server.register(async (scope) => {
    scope.addHook('onRequest', ensureIsAdmin);
    await adminRoutes(scope, {
      administrator: options.administrator,
      ...{ queries, clock, caughtUp },
      organizationId: (idOrName) => organizationOf(directory, idOrName).id,
      limitBytes: MAX_BODY_BYTES,
    });
    await readRoutes(scope, { queries });
    await tailRoutes(scope, { log, queries, reached: options.reached });
    const organization = (idOrName: string) => organizationOf(directory, idOrName);
    await jobRoutes(scope, { ...options.jobs, organization, clock });
    scope.get('/status', () => options.status());
  });
  await server.register(async (scope) => {
    scope.addHook('onRequest', ensureIsAdmin);
    await transferRoutes(scope, {
      ...{ log, secrets, clock, caughtUp },
      organization: (idOrName) => organizationOf(directory, idOrName),
    });
  });
}

/** What the client calls its request, if that can stand in a log line and a header; else one of our own. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID();
}

/** HTTP/1.1 requires it of every request (RFC 9112 section 3.2). */
function hasHost({ httpVersion, headers }: IncomingMessage): boolean {
  return headers.host !== undefined || httpVersion !== '1.1';
}

/** Errors of administration, as HTTP has them. */
function asProblem(error: unknown): unknown {
  if (error instanceof NameTaken) return new Problem(409, 'name-taken', error.message);
  if (error instanceof TooBusy) return new Problem(503, 'busy', error.message, { 'retry-after': '1' });
  if (error instanceof EndpointIsDisabled) return new Problem(409, 'endpoint-disabled', error.message);
  if (error instanceof NotRetryable) return new Problem(409, 'not-retryable', error.message);
  if (error instanceof JobRuns) return new Problem(409, 'runs-already', error.message);
  if (error instanceof TransferRefused) {
    const [status, code] =
      error.with === 'file' ? ([422, 'invalid-import'] as const) : ([409, 'transfer-refused'] as const);
    return new Problem(status, code, error.message);
  }
  return error;
}

/** Organizations may be named. Throws NotFound. */
function organizationOf({ state }: Directory, idOrName: string): Organization {
  for (const organization of state.organizations.values())
    if (organization.id === idOrName || organization.name === idOrName) return organization;
  throw new NotFound('organization', idOrName);
}
