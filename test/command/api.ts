// The command side as it serves: a real HTTP server on a free port, over a real log, real read models and the
// projector between them. Tests speak to it as clients do.

import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { doTask } from '../../src/cli/task.ts';
import { createAdministrator } from '../../src/command/admin/administrator.ts';
import { type Directory, openDirectory } from '../../src/command/directory.ts';
import { buildServer } from '../../src/command/server.ts';
import { createDestinations } from '../../src/destinations.ts';
import type { EventOf, Topic } from '../../src/events.ts';
import { createMemoryLimits } from '../../src/limits/memory.ts';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { projections } from '../../src/projections/all.ts';
import { startProjector } from '../../src/projections/projector.ts';
import { reached, reachedEnd } from '../../src/projections/reached.ts';
import { createQueries } from '../../src/query/queries.ts';
import { shareStatus } from '../../src/query/status.ts';
import { createSecretBox, hashToken, type SecretBox } from '../../src/secrets.ts';
import { processTime } from '../../src/time.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { ADMIN_TOKEN, type Client, createClient } from './client.ts';

export interface Api extends Pick<Client, 'call' | 'ok'> {
  port: number;
  /** The data directory. */
  path: string;
  /** The URLs of all routes, as Fastify has them. */
  urls: ReadonlySet<string>;
  log: Log;
  directory: Directory;
  secrets: SecretBox;
  /** Set: what the log rejects the server's appends with. */
  fault: { append: Error | undefined };
  /** An organization, a project and an integration in it, with its token. */
  integration(settings?: object): Promise<Made>;
  /** All events of a topic. */
  events<T extends Topic>(topic: T): Promise<EventOf<T>[]>;
}

export interface Made {
  organizationId: string;
  projectId: string;
  integrationId: string;
  token: string;
}

export interface ApiOptions {
  production?: boolean;
  allowHttp?: boolean;
  unauthenticated?: string;
  trustProxy?: string[];
  notReady?: () => Promise<{ part: string; detail: string }[]>;
}

/** Starts an API that is stopped after the test `t`. */
export async function startApi(t: TestContext, options: ApiOptions = {}): Promise<Api> {
  const { production = false, allowHttp = false } = options;
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  });
  const path = temporaryDirectory(t);
  const log = openSqliteLog({ directory: path, serve: true });
  stops.push(() => log.close());
  const views = openSqliteViews({
    directory: path,
    definitions: projections.map(({ definition }) => definition),
  });
  stops.push(() => views.close());
  const logger = pino({ level: 'silent' });
  const time = processTime();
  const clock = time.now;
  const projector = startProjector({ log, views, projections, logger, time });
  stops.push(() => projector.close());
  const directory = await openDirectory({ log });
  stops.push(() => directory.close());
  const secrets = createSecretBox(Buffer.alloc(32, 7));
  const fault: Api['fault'] = { append: undefined };
  const served: Log = {
    ...log,
    async append(events) {
      if (fault.append !== undefined) throw fault.append;
      return log.append(events);
    },
  };
  const destinations = createDestinations({
    httpsOnly: production && !allowHttp,
    allowAddresses: ['127.0.0.0/8'],
  });
  const server = buildServer({
    log: served,
    limits: createMemoryLimits(),
    directory,
    administrator: createAdministrator({
      log: served,
      directory,
      secrets,
      clock,
      settings: { destinations, burst: '3/6s', sustained: '100/1h' },
      caughtUp: (position) => reached([position], { views, projections, withinMs: 5_000 }),
    }),
    queries: createQueries({ views, clock }),
    secrets,
    clock,
    logger,
    production,
    adminTokenHash: hashToken(ADMIN_TOKEN),
    unauthenticated: options.unauthenticated ?? null,
    trustProxy: options.trustProxy ?? [],
    caughtUp: () => reachedEnd(log, { views, projections, withinMs: 5_000 }),
    reached: (positions) => reached(positions, { views, projections, withinMs: 5_000 }),
    status: shareStatus({
      log: served,
      views,
      definitions: projections.map(({ definition }) => definition),
      clock,
    }),
    jobs: {
      doTask: (task, io) => doTask(task, { log, views, ...io }),
      views: projections.map(({ definition }) => definition.name),
    },
    notReady: options.notReady ?? (async () => []),
  });
  stops.push(() => server.close());
  const urls = new Set<string>();
  // The routes of the server itself are there already; of their other methods, which are refused, it is still told.
  server.addHook('onRoute', ({ url }) => void urls.add(url));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const client = createClient(`http://127.0.0.1:${port}`);
  stops.push(() => client.close());

  const api: Api = {
    port,
    path,
    urls,
    log,
    directory,
    secrets,
    fault,
    call: client.call,
    ok: client.ok,
    async integration(settings = {}) {
      const organization = await api.ok('/api/v1/organizations', { json: { name: `acme ${numbers++}` } });
      const projects = `/api/v1/organizations/${organization.id}/projects`;
      const project = await api.ok(projects, { json: { name: 'shop' } });
      const integrations = `/api/v1/projects/${project.id}/integrations`;
      const made = await api.ok(integrations, { json: { name: 'node', ...settings } });
      return {
        organizationId: organization.id ?? '',
        projectId: project.id ?? '',
        integrationId: made.id ?? '',
        token: made.publicSecret ?? '',
      };
    },
    async events<T extends Topic>(topic: T) {
      const events: EventOf<T>[] = [];
      for await (const batch of log.read(topic)) events.push(...batch.events.map(({ event }) => event));
      return events;
    },
  };
  return api;
}

let numbers = 1;

export const LOGS = '/api/v1/webhooks/logs';
export const DEPLOYS = '/api/v1/webhooks/deploys';
export const ORGANIZATIONS = '/api/v1/organizations';
export const UNLIMITED = { rateLimits: { burst: null, sustained: null } };

/** An API with an integration, which has no rate limits unless it is given others. */
export async function startWithIntegration(
  t: TestContext,
  options?: ApiOptions,
  settings: object = UNLIMITED,
): Promise<Api & Made> {
  const api = await startApi(t, options);
  return { ...api, ...(await api.integration(settings)) };
}

/** An API with an organization `acme`, and the path of it. */
export async function startWithOrganization(
  t: TestContext,
  options?: ApiOptions,
): Promise<Api & { organization: string }> {
  const api = await startApi(t, options);
  const { id } = await api.ok(ORGANIZATIONS, { json: { name: 'acme' } });
  return { ...api, organization: `${ORGANIZATIONS}/${id}` };
}

/** What an endpoint is made with, at least. */
export const ENDPOINT = { url: 'https://a.example/hook?x=1', events: ['log.created', 'deploy.*'] };
