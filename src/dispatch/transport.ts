// Connections to subscribers: undici's agent, which connects nowhere but where destinations.ts allows it. What a name
// resolves to is looked at before it is connected to, and the socket once it is, so that a name that changes between
// two looks gains nothing. Sockets are reused.
//
// A receiver may close an idle connection at the very moment that the next request leaves by it (RFC 9112 section 9.5). Nobody
// can tell whether it has read that: so it is not sent again here, inside the gap, but told apart (ConnectionClosed), and the
// lane makes up for it when the gap is over, by a connection of its own, which cannot fail so again.
//
// Proxies of the environment (HTTP_PROXY) are not used. One that is configured connects for us, so it is then for the
// proxy to see to where a name leads; addresses in URLs are refused as ever.

import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Agent as AgentType, Dispatcher, buildConnector as makesConnectors } from 'undici';
import type { Destinations } from '../destinations.ts';
import { MAX_IN_FLIGHT_PER_HOST } from './capacity.ts';
import { failureOf } from './failure.ts';
import { Agent, buildConnector, newProxyAgent } from './undici.ts';

/**
 * An idle connection is kept so long, or as long as the receiver says that it keeps it, less 2 s. Receivers seldom close sooner:
 * gunicorn after 2 s, Node, Apache and uvicorn after 5 s. One that is busy is kept all the time.
 */
const KEEP_ALIVE_MS = 1_000;

/** A request to be sent. */
export interface Leaving extends Dispatcher.DispatchOptions {
  /** Whether it makes a connection of its own. */
  reconnects: boolean;
}

/** What a request leaves by. */
export interface Transport {
  dispatch(options: Leaving, handler: Dispatcher.DispatchHandler): void;
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

/** A connection that was kept from an earlier request was cut before the answer to this one came. */
class ConnectionClosed extends Error {
  readonly code = 'CONNECTION_CLOSED';
  constructor() {
    super('the receiver closed a connection that was kept from an earlier request');
    this.name = 'ConnectionClosed';
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
  const connecting = watchConnecting();
  const newAgent = (pool: AgentType.Options) =>
    proxy === undefined
      ? new Agent({ ...pool, connect: connecting.watch(guardedConnector(destinations, resolve)) })
      : newProxyAgent({ ...pool, uri: proxy }, connecting.watch);
  const keeping = newAgent(POOL);
  // Without pipelining undici keeps no connection.
  const reconnecting = newAgent({ ...POOL, pipelining: 0 });
  return {
    dispatch({ reconnects, ...options }, handler) {
      const dispatchAlone = () => reconnecting.dispatch(options, handler);
      if (reconnects) dispatchAlone();
      else keeping.dispatch(options, tellingClosed(handler, connecting, dispatchAlone));
    },
    async close() {
      await Promise.all([keeping.destroy(), reconnecting.destroy()]);
    },
  };
}

/** What is known of connections as they are made. */
interface Connecting {
  /** Whether undici is being told of a new connection: then it starts the request that this was made for, and nothing else. */
  readonly isToldOfOne: boolean;
  /** Whether this is why a connection could not be made. */
  isOf(error: Error): boolean;
}

function watchConnecting(): Connecting & {
  watch(connect: makesConnectors.connector): makesConnectors.connector;
} {
  const errors = new WeakSet<Error>();
  let isToldOfOne = false;
  return {
    get isToldOfOne() {
      return isToldOfOne;
    },
    isOf: (error) => errors.has(error),
    watch: (connect) => (options, callback) =>
      connect(options, (...result) => {
        if (result[0] !== null) errors.add(result[0]);
        isToldOfOne = true;
        try {
          callback(...result);
        } finally {
          isToldOfOne = false;
        }
      }),
  };
}

/**
 * The handler of a request that may leave by a connection that was kept. Where that is cut before the request has left it leaves
 * by another one: `dispatchAlone`; where before the answer has come, the handler is told of ConnectionClosed.
 */
function tellingClosed(
  handler: Dispatcher.DispatchHandler,
  connecting: Connecting,
  dispatchAlone: () => void,
): Dispatcher.DispatchHandler {
  let state: 'waits' | 'left by one that was kept' | 'left by a new one' | 'answered' = 'waits';
  return {
    onRequestStart(controller, context) {
      state = connecting.isToldOfOne ? 'left by a new one' : 'left by one that was kept';
      handler.onRequestStart?.(controller, context);
    },
    onResponseStart(controller, statusCode, headers, statusMessage) {
      state = 'answered';
      handler.onResponseStart?.(controller, statusCode, headers, statusMessage);
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError(controller, error) {
      const isCut = failureOf(error).error === 'reset';
      if (isCut && state === 'waits' && !connecting.isOf(error)) dispatchAlone();
      else if (isCut && state === 'left by one that was kept')
        handler.onResponseError?.(controller, new ConnectionClosed());
      else handler.onResponseError?.(controller, error);
    },
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
