// The whole of Hooklane in one process, as `hooklane serve` starts it: every role, on a free port of loopback.

import type { TestContext } from 'node:test';
import { type Logger, pino } from 'pino';
import { type App, startApp } from '../../src/cli/app.ts';
import { ROLES, type Role } from '../../src/cli/roles.ts';
import { loadConfig } from '../../src/config.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { ADMIN_TOKEN, type Client, createClient } from './client.ts';

export interface Served extends Pick<Client, 'call' | 'ok'> {
  app: App;
  port: number;
  /** The token of the integration that the first start made. */
  token: string;
}

export interface ServeOptions {
  env?: Readonly<Record<string, string>>;
  /** The data directory; default: one of its own. */
  path?: string;
  logger?: Logger;
  /** Default: all. */
  roles?: readonly Role[];
}

/** Starts it, to be stopped after the test `t`. */
export async function serve(t: TestContext, options: ServeOptions = {}): Promise<Served> {
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  });
  const config = loadConfig({
    PORT: '0',
    HOOKLANE_DATA: options.path ?? temporaryDirectory(t),
    HOOKLANE_ADMIN_TOKEN: ADMIN_TOKEN,
    HOOKLANE_BURST: 'none',
    HOOKLANE_SUSTAINED: 'none',
    ...options.env,
  });
  const { logger = pino({ level: 'silent' }) } = options;
  const roles = new Set(options.roles ?? ROLES);
  const app = await startApp({ config, roles, logger });
  stops.push(() => app.close());
  const { url = '', defaults } = app;
  const { call, ok, close } = createClient(url);
  stops.push(close);
  return { call, ok, app, port: Number(new URL(url).port), token: defaults?.token ?? '' };
}
