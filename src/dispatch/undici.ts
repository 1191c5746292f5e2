// undici's agent, from the files where it is. Its index loads whatever undici has (fetch, caches, mocks, web sockets), and by
// that Node's own copy of it as well: 15 MiB and 50 ms more. Where files are is nothing that a minor release must keep, so
// package.json takes patches alone.

import { createRequire } from 'node:module';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

export const Agent: typeof Undici.Agent = require('undici/lib/dispatcher/agent.js');
export const buildConnector: typeof Undici.buildConnector = require('undici/lib/core/connect.js');

/** An agent for a proxy, whose connector is wrapped by `wrap`. It needs what the index adds to all of them. */
export function newProxyAgent(
  options: Undici.ProxyAgent.Options,
  wrap: (connect: Undici.buildConnector.connector) => Undici.buildConnector.connector,
): Undici.ProxyAgent {
  const undici: typeof Undici = require('undici');
  return new undici.ProxyAgent({
    ...options,
    factory(origin, settings: Undici.Pool.Options) {
      const { connect } = settings;
      return new undici.Pool(
        origin,
        typeof connect === 'function' ? { ...settings, connect: wrap(connect) } : settings,
      );
    },
  });
}
