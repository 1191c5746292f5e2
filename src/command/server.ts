// The HTTP server: routes, errors, limits of time and size. It appends and asks; it decides nothing of deliveries.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify';
import { KeysRefused } from '../key-file.ts';
import type { Limits } from '../limits/limits.ts';
import type { Log } from '../log/log.ts';
import type { Queries } from '../query/queries.ts';
import { rateLimitOf } from '../rate-limit.ts';
import { type SecretBox, SecretUnreadable } from '../secrets.ts';
import type { Clock } from '../time.ts';
import { TransferRefused } from '../transfer/errors.ts';
import { type Access, knownTo, NotAllowed, organizationCalled } from './access.ts';
import type { Administration } from './admin/administrator.ts';
import { EndpointIsDisabled, NameTaken } from './admin/decision.ts';
import { TooManyEndpoints } from './admin/endpoint-room.ts';
import { NotRetryable } from './admin/retry.ts';
import { adminRoutes } from './admin-routes.ts';
import { admitAdmins, logRefusal, UNBOUND } from './admit.ts';
import { browserHeaders } from './browser-headers.ts';
import type { Directory } from './directory.ts';
import type { Organization } from './directory-state.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { type JobRoutesOptions, jobRoutes } from './job-routes.ts';
import { JobRuns } from './jobs.ts';
import type { KeyRing } from './key-ring.ts';
import { keyRoutes } from './key-routes.ts';
import { type Once, OnceRefused } from './once.ts';
import { keepNames, noRoute, rememberMethods } from './other-methods.ts';
import { TooBusy } from './places.ts';
import { details, Problem, sendProblem } from './problem.ts';
import { readRoutes } from './read-routes.ts';
import { inboundResources } from './resources.ts';
import type { Scrubber } from './scrub.ts';
import { createStrangers } from './strangers.ts';
import { type TailRoutesOptions, tailRoutes } from './tail-routes.ts';
import { transferRoutes } from './transfer-routes.ts';
import { readWhatIsRefused } from './unread.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** Of a request that administers. */
const MAX_ADMIN_BYTES = 256 * 1024;
/** Of a part of a URL: a name of 100 characters, of four bytes each, percent-encoded. */
const MAX_PARAM_LENGTH = 1_200;

/** Input is checked by input.ts, so Fastify's own compilers, a tenth of a start, need not be loaded. */
const NO_COMPILERS = { buildValidator: refuseSchema, buildSerializer: refuseSchema };

function refuseSchema(): never {
  throw new Error('routes have no schemas: input is checked by input.ts');
}

export interface ServerOptions extends HttpServerOptions {
  log: Log;
  /** Counts the posts of integrations. */
  limits: Limits;
  directory: Directory;
  administration: Administration;
  /** Has what comes under an Idempotency-Key done once. */
  once: Once;
  queries: Queries;
  secrets: SecretBox;
  /** The master keys, for who asks. */
  keyRing: (access: Access) => KeyRing;
  clock: Clock;
  logger: NonNullable<FastifyServerOptions['loggerInstance']>;
  production: boolean;
  /** Takes secrets out of what is posted. */
  scrubber: Scrubber;
  /** SHA-256 of the admin token, hexadecimal. */
  adminTokenHash: string;
  /** How many requests of one address may have no token that is known, as `600/1m`; null: any number. */
  unauthenticated: string | null;
  /** Origins of pages that may post; `*`: any. */
  cors: readonly string[];
  /** Of the payload of a post, unpacked; in bytes. */
  bodyBytes: number;
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
  const server: FastifyInstance = Fastify({
    loggerInstance: options.logger,
    // A line a post would cost as much as the post; what happened to each is in the log of events.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_ADMIN_BYTES,
    schemaController: { compilersFactory: NO_COMPILERS },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    serverFactory: (handler) => createHttpServer(handler, options),
    // Ours is at the server already.
    clientErrorHandler: () => {},
    // Fastify's own answer while it stops is no problem as RFC 9457 has it.
    return503OnClosing: false,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    requestIdHeader: false,
    genReqId: requestIdOf,
    // No hook runs for these.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(reply.header('x-request-id', request.id), error),
  });
  readWhatIsRefused(server, options.patience.lingerMs);
  const methodsOf = rememberMethods(server);
  let isStopping = false;
  server.addHook('preClose', async () => {
    isStopping = true;
  });
  const forBrowsers = browserHeaders(options.tls !== undefined);
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    for (const [name, value] of forBrowsers) reply.header(name, value);
    if (isStopping)
      done(new Problem(503, 'stopping', 'The server is being stopped.', { 'retry-after': '1' }));
    // Here, as the body is not to be read.
    else done(wrongHost(request.raw) ?? (request.is404 ? noRoute(request, methodsOf) : undefined));
  });
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof NotAllowed) logRefusal(request);
    return sendProblem(reply, asProblem(error));
  });

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
  server.register((scope) => keepNames(scope, methodsOf));
  return server;
}

async function apiRoutes(server: FastifyInstance, options: ServerOptions): Promise<void> {
  const { log, once, limits, directory, queries, secrets, clock, adminTokenHash, caughtUp } = options;
  const { unauthenticated, reached, patience } = options;
  const strangers = createStrangers(server, unauthenticated === null ? null : rateLimitOf(unauthenticated));
  const authentication = { adminTokenHash, directory, strangers, clock };
  const organization = (idOrName: string, access: Access) => organizationOf(directory, idOrName, access);
  await server.register((scope) =>
    webhookRoutes(scope, {
      ...{ log, once, limits, strangers, directory, clock },
      ...{ production: options.production, scrubber: options.scrubber },
      resources: inboundResources,
      limitBytes: options.bodyBytes,
      cors: options.cors,
    }),
  );
  await server.register(async (scope) => {
    admitAdmins(scope, authentication);
    await adminRoutes(scope, {
      administration: options.administration,
      ...{ once, queries, clock, caughtUp, scrubber: options.scrubber },
      organizationId: (idOrName, access) => organization(idOrName, access).id,
      limitBytes: MAX_ADMIN_BYTES,
    });
    await readRoutes(scope, { queries });
    await tailRoutes(scope, { log, queries, reached, patience });
    await jobRoutes(scope, {
      ...{ ...options.jobs, clock },
      organization: (idOrName) => organizationCalled(directory.state, idOrName),
    });
    await keyRoutes(scope, { ringFor: options.keyRing });
    scope.get('/status', UNBOUND, () => options.status());
  });
  await server.register(async (scope) => {
    admitAdmins(scope, authentication);
    await transferRoutes(scope, { log, secrets, clock, caughtUp, organization, patience });
  });
}

/** What the client calls its request, if that can stand in a log line and a header; else one of our own. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID();
}

/** HTTP/1.1 requires the header host of every request, and that it stands there once (RFC 9112 section 3.2). */
function wrongHost({ httpVersion, headers, rawHeaders }: IncomingMessage): Problem | undefined {
  const wrong = (detail: string) => new Problem(400, 'bad-request', detail, { connection: 'close' });
  if (headers.host === undefined)
    return httpVersion === '1.1' ? wrong('The request needs the header host.') : undefined;
  // Of several Node gives the first one, where what stands before the server may have taken the last.
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1 ? wrong('The request has the header host more than once.') : undefined;
}

/** Why a request with an Idempotency-Key is refused. */
const OF_ONCE = {
  REUSED: [422, 'idempotency-key-reused'],
  IN_USE: [409, 'idempotency-key-in-use'],
  CATCHING_UP: [503, 'catching-up'],
  TOO_SLOW: [503, 'busy'],
} as const satisfies Record<OnceRefused['why'], readonly [status: number, code: string]>;

/** Errors of administration, as HTTP has them. */
function asProblem(error: unknown): unknown {
  if (error instanceof NotAllowed) return new Problem(403, 'not-allowed', error.message);
  if (error instanceof NameTaken) return new Problem(409, 'name-taken', error.message);
  if (error instanceof TooManyEndpoints) return new Problem(409, 'too-many-endpoints', error.message);
  if (error instanceof TooBusy)
    return new Problem(503, 'busy', error.message, { 'retry-after': String(error.retryAfterSeconds) });
  if (error instanceof EndpointIsDisabled) return new Problem(409, 'endpoint-disabled', error.message);
  if (error instanceof NotRetryable) return new Problem(409, 'not-retryable', error.message);
  if (error instanceof KeysRefused || error instanceof SecretUnreadable)
    return new Problem(409, 'keys-refused', error.message);
  if (error instanceof JobRuns) return new Problem(409, 'runs-already', error.message);
  if (error instanceof OnceRefused) {
    const { why, message, retryAfterSeconds } = error;
    const headers = why === 'REUSED' ? {} : { 'retry-after': String(retryAfterSeconds) };
    const [status, code] = OF_ONCE[why];
    return new Problem(status, code, message, headers, why === 'REUSED' ? 'Idempotency-Key' : undefined);
  }
  if (error instanceof TransferRefused) {
    const [status, code] =
      error.with === 'file' ? ([422, 'invalid-import'] as const) : ([409, 'transfer-refused'] as const);
    return new Problem(status, code, error.message);
  }
  return error;
}

/** Organizations may be named. Throws NotFound, also for one that is not to be seen. */
function organizationOf({ state }: Directory, idOrName: string, { organizationId }: Access): Organization {
  return organizationCalled(knownTo(organizationId, state), idOrName);
}
