// Connections to subscribers: undici's agent, which connects nowhere but where destinations.ts allows it. What a name
// resolves to is looked at before it is connected to, and the socket once it is, so that a name that changes between
// two looks gains nothing. Sockets are reused.
//
// Proxies of the environment (HTTP_PROXY) are not used. One that is configured connects for us, so it is then for the
// proxy to see to where a name leads; addresses in URLs are refused as ever.

import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Dispatcher, buildConnector as makesConnectors } from 'undici';
import type { Destinations } from '../destinations.ts';
import { MAX_IN_FLIGHT_PER_HOST } from './capacity.ts';
import { Agent, buildConnector, newProxyAgent } from './undici.ts';

/** An idle connection is kept so long, or less where the receiver says so: it must not be the one to close first. */
const KEEP_ALIVE_MS = 4_000;

/** What a request leaves by. */
export interface Transport extends Pick<Dispatcher, 'dispatch'> {
  /** Cuts what is still in flight. */
  close(): Promise<void>;
}

/** A name leads to where nothing may be sent. */
class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
  constructor(message: string) {
    super(message);
    this.name = 'AddressRefused';
  }
}

/** How a name is resolved, all addresses at once: as node:dns does it. */
export type Resolve = (
  hostname: string,
  options: { all: true; family?: number; hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface TransportOptions {
  /** For tests; default: as the system does it. */
  resolve?: Resolve;
  /** The URL of the proxy that connects; undefined: none does. */
  proxy?: string | undefined;
}

export function createTransport(
  destinations: Pick<Destinations, 'refusalOfAddress'>,
  { resolve = lookup, proxy }: TransportOptions = {},
): Transport {
  const agent =
    proxy === undefined
      ? new Agent({ ...POOL, connect: guardedConnector(destinations, resolve) })
      : newProxyAgent({ ...POOL, uri: proxy });
  return {
    dispatch: (options, handler) => agent.dispatch(options, handler),
    close: () => agent.destroy(),
  };
}

/** The sender's timer covers all that undici has timers for. */
const POOL = {
  connections: MAX_IN_FLIGHT_PER_HOST,
  pipelining: 1,
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: 0,
  bodyTimeout: 0,
} as const;

/** Connects to what is allowed, and to nothing else. */
function guardedConnector(
  { refusalOfAddress }: Pick<Destinations, 'refusalOfAddress'>,
  resolve: Resolve,
): makesConnectors.connector {
  /** As node:dns lookup(), without the addresses that are refused. */
  const lookupAllowed: LookupFunction = (hostname, options, callback) => {
    const { hints = 0 } = options;
    resolve(hostname, { all: true, family: familyOf(options.family), hints }, (error, found) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = found.filter(({ address }) => refusalOfAddress(address) === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const refusals = found.map(({ address }) => refusalOfAddress(address));
        callback(
          new AddressRefused(`${hostname} is refused by what it resolves to: ${refusals.join(', ')}`),
          '',
        );
      } else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({ lookup: lookupAllowed, timeout: 0 });
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      const address = socket.remoteAddress;
      const refusal = address === undefined ? undefined : refusalOfAddress(address);
      if (refusal === undefined) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(new AddressRefused(`connected to ${refusal}`), null);
    });
  };
}

function familyOf(family: number | 'IPv4' | 'IPv6' | undefined): number {
  return family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : (family ?? 0);
}
