// hooklane serve: the serving process. Stops on SIGTERM and SIGINT, with exit code 0 when all that was in flight
// was finished.

import { isatty } from 'node:tty';
import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import { loadConfig } from '../config.ts';
import { whereStores } from '../open.ts';
import type { App } from './app.ts';
import { giveBackWhenIdle } from './idle-memory.ts';
import { createLogger } from './logger.ts';
import { list, oneOf } from './options.ts';
import { print } from './output.ts';
import { ROLES, type Role } from './roles.ts';

interface ServeOptions {
  roles: Role[];
  host?: string;
  port?: string;
}

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('run Hooklane: take posts, record them, send webhooks, keep the read models')
    .addOption(
      new Option('--roles <roles>', `what to run, of ${ROLES.join(',')}`)
        .argParser(roles)
        .default([...ROLES], 'all'),
    )
    .option('--port <port>', 'port to listen on (default: PORT, or 3000)')
    .option('--host <host>', 'address to listen on (default: HOST, or 127.0.0.1)')
    .addHelpText('after', '\nExample:\n  $ HOOKLANE_DATA=/var/lib/hooklane hooklane serve --port 8080')
    .action(serve);
}

function roles(text: string): Role[] {
  return list(text).map(oneOf(ROLES));
}

async function serve({ roles, host, port }: ServeOptions): Promise<void> {
  const config = loadConfig(process.env, { host, port });
  const logger = createLogger(config.logLevel);
  const stopped = signalled();
  hearHangup(logger, config.tls !== undefined);
  // Loaded only here: the server is most of the program, and every other command would wait for it.
  const { startApp } = await import('./app.ts');
  const app = await startApp({ config, roles: new Set(roles), logger });
  giveBackWhenIdle(logger);
  greet(app, whereStores(config));
  try {
    await Promise.race([stopped, app.failed]);
    logger.info('stopping');
  } finally {
    await app.close();
  }
  logger.info('stopped');
}

/** Resolves at the first SIGTERM or SIGINT. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

/**
 * SIGHUP asks daemons to read anew what they may: here certificates (tls-renewal.ts). Where there is none, and also before it is
 * heard there, it is harmless. A terminal that is closed ends what runs in it, in order.
 */
function hearHangup(logger: Logger, hasCertificate: boolean): void {
  if (hasCertificate) process.on('SIGHUP', () => logger.info('SIGHUP: the certificate is read anew'));
  else if (isatty(0)) process.once('SIGHUP', () => process.kill(process.pid, 'SIGTERM'));
  else process.on('SIGHUP', () => logger.info('SIGHUP: there is no certificate to be read anew'));
}

function greet({ url, defaults }: App, where: string): void {
  if (url === undefined) {
    print(`Hooklane runs on ${where}`);
    return;
  }
  const listens = `Hooklane listens on ${url} and keeps its data in ${where}`;
  // In one piece, so that whoever waits for the first line has the token as well.
  print(defaults === undefined ? listens : `${listens}\n${firstSteps(url, defaults.token)}`);
}

function firstSteps(url: string, token: string): string {
  return `
This is the first start, so the organization, project and integration "default" were made.
The token of the integration, shown this once: ${token}

Post an error:

  curl -i ${url}/api/v1/webhooks/logs \\
    -H 'authorization: Bearer ${token}' \\
    -H 'content-type: application/json' \\
    -d '{"message":"Hello from Hooklane","level":"error"}'

Be told of it, in two more terminals:

  npx hooklane listen --port 4000
  npx hooklane endpoint create --org default --url http://127.0.0.1:4000/ --events 'log.*'

See what happened:

  npx hooklane logs list
  npx hooklane deliveries list
`;
}
