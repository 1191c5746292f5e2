// One serving process: opens the engines, starts the roles that are asked for, and stops them in the order in
// which nothing is lost: first no more posts, then what is in flight, then what is to be recorded and projected.

import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import { readCertificate } from '../certificate.ts';
import { fullAccess } from '../command/access.ts';
import { createAdministration } from '../command/admin/administrator.ts';
import { openDirectory } from '../command/directory.ts';
import { createDefaults, type Defaults } from '../command/first-start.ts';
import { mostConnections, PATIENCE } from '../command/http-server.ts';
import { createKeyRing } from '../command/key-ring.ts';
import { createOnce } from '../command/once.ts';
import { createScrubber } from '../command/scrub.ts';
import type { buildServer } from '../command/server.ts';
import { type Config, destinationRules } from '../config.ts';
import { createDestinations } from '../destinations.ts';
import { startDispatcher } from '../dispatch/dispatcher.ts';
import { createSender } from '../dispatch/send.ts';
import { keptKeyFile, loadKeys, openSecretBox } from '../keys.ts';
import type { Log } from '../log/log.ts';
import { openLimits, openLog, openViews, skewMs } from '../open.ts';
import { projections } from '../projections/all.ts';
import { idempotencyKeys } from '../projections/idempotency-keys.ts';
import { reached, reachedEnd } from '../projections/reached.ts';
import { createQueries } from '../query/queries.ts';
import { shareStatus } from '../query/status.ts';
import { startRecorder } from '../record/recorder.ts';
import { hashToken } from '../secrets.ts';
import { processTime } from '../time.ts';
import type { Views } from '../views/views.ts';
import { openFiles } from './doctor/machine.ts';
import { ensureKeysFit } from './master-key.ts';
import { notListening } from './not-listening.ts';
import { startProjectorThread } from './projector-thread.ts';
import type { Role } from './roles.ts';
import { doInThread } from './task-thread.ts';
import { renewCertificate } from './tls-renewal.ts';

/** How long a stop waits for requests in flight, in and out. */
const STOP_WITHIN_MS = 10_000;

/** While it stops, how often connections are closed that have become idle. */
const IDLE_CHECK_MS = 50;

/** How long an admin's request waits for the read models, so that who has written reads it. */
const CAUGHT_UP_WITHIN_MS = 1_000;

/** How long a request with an Idempotency-Key waits for their read model. */
const KEYS_WITHIN_MS = 3_000;

export interface App {
  /** Where the API listens; undefined without the role `api`. */
  url: string | undefined;
  /** What was made because the store was empty. */
  defaults: Defaults | undefined;
  /** Rejects when a role fails for a reason that does not pass by itself. */
  failed: Promise<never>;
  close(): Promise<void>;
}

export interface AppOptions {
  config: Config;
  roles: ReadonlySet<Role>;
  logger: Logger;
}

/** Starts the process. Throws what the engines throw (LogRefused, ViewsRefused), InvalidConfig, and CommandFailed. */
export async function startApp({ config, roles, logger }: AppOptions): Promise<App> {
  // What cannot be used is refused before anything is opened.
  const tls = config.tls !== undefined && roles.has('api') ? readCertificate(config.tls) : undefined;
  const time = processTime();
  const destinations = createDestinations(destinationRules(config));
  /** How to stop what was started, the last one first. */
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  };
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {});

  try {
    const log = await openLog(config, { serve: true });
    stops.push(() => log.close());
    // First of all roles, as it loads what it needs beside all that is done here.
    const projector = roles.has('project') ? startProjectorThread(config, logger.level) : undefined;
    if (projector !== undefined) {
      projector.ended.catch(fail);
      stops.push(() => projector.close());
    }
    // Only now: a directory that holds no log of ours, and cannot take one, is refused before keys are put there.
    const keys = loadKeys(config);
    const secrets = openSecretBox(config, keys.masterKeys);
    // Before anything is sealed or sent. A dispatcher alone looks at its lanes.
    const directory = roles.has('api') ? await openDirectory({ log }) : undefined;
    if (directory !== undefined) {
      directory.ended.catch(fail);
      stops.push(() => directory.close());
      ensureKeysFit(directory, secrets, time.now());
    }
    const views = await openViews(config);
    stops.push(() => views.close());
    if (roles.has('record')) {
      const recorder = startRecorder({ log, time, logger });
      recorder.ended.catch(fail);
      stops.push(() => recorder.close());
    }
    if (roles.has('dispatch')) {
      // It loads undici, 20 MiB, as the API loads Fastify, 10 MiB: only where their roles are.
      const { createTransport } = await import('../dispatch/transport.ts');
      const transport = createTransport(destinations, config);
      const sender = createSender({ secrets, time, transport, destinations });
      const { disableAfterMs } = config;
      const limits = { skewMs: skewMs(config), disableAfterMs };
      const dispatcher = startDispatcher({ log, sender, time, logger, ...limits });
      dispatcher.ended.catch(fail);
      stops.push(() => dispatcher.close(STOP_WITHIN_MS));
    }
    let url: string | undefined;
    let defaults: Defaults | undefined;
    if (directory !== undefined) {
      const scrubber = createScrubber(config.scrub);
      const administration = createAdministration({
        log,
        directory,
        secrets,
        clock: time.now,
        settings: { ...config, destinations, scrubber },
        caughtUp: (position) => reached([position], { views, projections, withinMs: CAUGHT_UP_WITHIN_MS }),
      });
      const definitions = projections.map(({ definition }) => definition);
      const limits = await openLimits(config, logger);
      stops.push(() => limits.close());
      const { buildServer } = await import('../command/server.ts');
      const server = buildServer({
        log,
        limits,
        directory,
        administration,
        once: createOnce({
          ...{ views, time },
          caughtUp: () =>
            reachedEnd(log, { views, projections: [idempotencyKeys], withinMs: KEYS_WITHIN_MS }),
        }),
        queries: createQueries({ views, clock: time.now }),
        secrets,
        keyRing: (access) =>
          createKeyRing({
            ...{ log, directory, secrets, clock: time.now },
            administrator: administration.for(access),
            file: keptKeyFile(config),
            isCluster: config.log !== 'sqlite',
            isServing: true,
          }),
        clock: time.now,
        // Where it listens is said by whoever started it.
        logger: logger.child({}, logger.level === 'info' ? { level: 'warn' } : {}),
        production: config.production,
        scrubber,
        adminTokenHash: hashToken(keys.adminToken),
        unauthenticated: config.unauthenticated,
        bodyBytes: config.bodyBytes,
        patience: PATIENCE,
        maxConnections: mostConnections(openFiles()),
        tls,
        cors: config.cors,
        trustProxy: config.trustProxy,
        caughtUp: () => reachedEnd(log, { views, projections, withinMs: CAUGHT_UP_WITHIN_MS }),
        reached: (positions) => reached(positions, { views, projections, withinMs: CAUGHT_UP_WITHIN_MS }),
        status: shareStatus({ log, views, definitions, clock: time.now }),
        jobs: {
          doTask: (task, io) => doInThread(config, task, io),
          views: definitions.map(({ name }) => name),
        },
        notReady: () => notReady(log, views, logger),
      });
      stops.push(() => closeServer(server));
      if (config.tls !== undefined && tls !== undefined && server.server instanceof TlsServer) {
        const renewing = { server: server.server, files: config.tls, current: tls, logger };
        const stopRenewing = renewCertificate(renewing);
        stops.push(async () => stopRenewing());
      }
      await Promise.all([server.ready(), projector?.opened]);
      await listen(server, config);
      url = urlOf(server.server.address() as AddressInfo, tls === undefined ? 'http' : 'https');
      // Only now: a token that is made for a server which then cannot listen would be shown to nobody.
      defaults = await createDefaults(directory, administration.for(fullAccess('start')));
    }
    await projector?.opened;
    return { url, defaults, failed, close: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Throws CommandFailed where the address cannot be had. */
async function listen(server: ReturnType<typeof buildServer>, { host, port }: Config): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw notListening(error, { host, port, mend: 'set another with --port and --host, or PORT and HOST' });
  }
}

/** Which stores cannot be used now. Why is for the log alone: anybody may ask, and it names hosts and paths. */
async function notReady(log: Log, views: Views, logger: Logger): Promise<{ part: string; detail: string }[]> {
  const checks = { log: () => log.ends('inbound'), views: () => views.positions('logs') };
  const parts: { part: string; detail: string }[] = [];
  for (const [part, check] of Object.entries(checks)) {
    await check().catch((error: Error) => {
      logger.debug({ err: error, part }, 'not ready');
      parts.push({ part, detail: 'cannot be used at the moment' });
    });
  }
  return parts;
}

/** Waits for requests that are being answered; cuts those that do not come to an end. */
async function closeServer(server: ReturnType<typeof buildServer>): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), STOP_WITHIN_MS);
  // Closing closes the connections that are idle now; one that is answered after that would be kept alive.
  const idle = setInterval(() => server.server.closeIdleConnections(), IDLE_CHECK_MS);
  await server.close();
  clearInterval(idle);
  clearTimeout(timer);
}

function urlOf({ address, family, port }: AddressInfo, scheme: 'http' | 'https'): string {
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
