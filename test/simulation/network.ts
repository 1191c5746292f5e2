// The network of a simulation, and the subscribers behind it. A process sends through it as through undici's agent;
// requests arrive, and are answered, late, wrongly, slowly or never. What has left is noted in true time.

import type { Dispatcher } from 'undici';
import type { Transport } from '../../src/dispatch/transport.ts';
import type { Breaks } from './breaks.ts';
import type { Process, World } from './world.ts';

/** How a subscriber behaves, for a while. */
export type Manner =
  | 'well'
  | 'failing'
  | 'busy'
  | 'slow'
  | 'hanging'
  | 'resetting'
  | 'losing'
  | 'closing'
  | 'absent'
  | 'gone';

/** One request that has left, in true time. */
export interface Departure {
  atMs: number;
  url: string;
  webhookId: string;
  body: string;
  process: string;
  /** When the process was told of a 2xx; undefined: it never was. */
  deliveredAtMs: number | undefined;
}

export interface Network {
  openFor(process: Process): Transport;
  readonly departures: readonly Departure[];
  /** How the subscriber at a URL behaves from now on. */
  behave(url: string, manner: Manner): void;
}

export function createNetwork(world: World, breaks: Breaks): Network {
  const { random } = world;
  const departures: Departure[] = [];
  const manners = new Map<string, Manner>();

  function depart(process: Process, options: Dispatcher.DispatchOptions): Departure {
    const { origin = '', path, headers, body } = options;
    const departure: Departure = {
      atMs: world.now(),
      url: `${String(origin)}${path}`,
      webhookId: (headers as Record<string, string>)['webhook-id'] ?? '',
      body: String(body),
      process: process.name,
      deliveredAtMs: undefined,
    };
    departures.push(departure);
    if (breaks.sendsAgain()) {
      world.after(random.whole(6_000, 60_000), () => {
        departures.push({ ...departure, atMs: world.now(), deliveredAtMs: undefined });
      });
    }
    return departure;
  }

  return {
    departures,
    behave: (url, manner) => void manners.set(url, manner),
    openFor: (process) => ({
      close: async () => {},
      dispatch(options, handler) {
        const url = `${String(options.origin)}${options.path}`;
        const manner = manners.get(url) ?? 'well';
        let isAborted = false;
        const controller: Dispatcher.DispatchController = {
          aborted: false,
          paused: false,
          reason: null,
          pause() {},
          resume() {},
          abort() {
            isAborted = true;
          },
        };
        /** Lets the process hear something, unless it has hung up. */
        const tell = (afterMs: number, work: () => void) => {
          world.after(afterMs, () => process.deliver(() => isAborted || work()));
        };
        const fail = (afterMs: number, code: string) =>
          tell(afterMs, () =>
            handler.onResponseError?.(controller, Object.assign(new Error(code), { code })),
          );

        tell(random.once(50) ? random.whole(100, 8_000) : random.whole(0, 5), () => {
          if (manner === 'absent') {
            fail(1, 'ECONNREFUSED');
            return;
          }
          handler.onRequestStart?.(controller, {});
          if (isAborted) return;
          const departure = depart(process, options);
          const answer = (afterMs: number, code: number, headers: Record<string, string> = {}) =>
            tell(afterMs, () => {
              handler.onResponseStart?.(controller, code, headers, '');
              handler.onResponseEnd?.(controller, {});
              if (code < 300) departure.deliveredAtMs = world.now();
            });
          const quickMs = random.whole(1, 300);
          switch (manner) {
            case 'well':
              return answer(quickMs, 200);
            case 'failing':
              return answer(quickMs, random.pick([200, 500, 302, 404]));
            case 'busy':
              return answer(quickMs, random.pick([200, 429, 503]), { 'retry-after': '9' });
            case 'slow':
              return answer(random.whole(500, 9_000), 200);
            case 'losing':
              return random.once(2) ? fail(quickMs, 'ECONNRESET') : answer(quickMs, 200);
            case 'closing':
              return !options.reconnects && random.once(2)
                ? fail(quickMs, 'CONNECTION_CLOSED')
                : answer(quickMs, 200);
            case 'resetting':
              return fail(quickMs, 'UND_ERR_SOCKET');
            case 'gone':
              return answer(quickMs, 410);
            case 'hanging':
              return;
            default:
              return manner satisfies never;
          }
        });
        return true;
      },
    }),
  };
}
