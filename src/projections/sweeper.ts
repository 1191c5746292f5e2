// The sweeper: frees the room of what the read models have become too old to show (see views/retention.ts). Bit by bit,
// with pauses in which others write: nobody waits for it, as what it removes is in no answer any more.

import type { Logger } from 'pino';
import { pause } from '../log/pause.ts';
import type { Time } from '../time.ts';
import { type Views, ViewsUnavailable } from '../views/views.ts';
import type { Projection } from './projection.ts';

export interface SweeperOptions {
  views: Pick<Views, 'sweep'>;
  projections: readonly Projection[];
  logger: Pick<Logger, 'error'>;
  time: Time;
}

export interface Sweeper {
  /** Rejects when it fails for a reason that is not the store's being away. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** How often it looks whether there is something. */
const EVERY_MS = 60_000;
/** Between two parts. */
const PAUSE_MS = 20;

export function startSweeper({ views, projections, logger, time }: SweeperOptions): Sweeper {
  const closing = new AbortController();
  const { signal } = closing;

  async function sweep(view: string): Promise<void> {
    while (!signal.aborted && (await views.sweep(view))) await pause(PAUSE_MS, signal, time);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const { definition } of projections) {
          if (definition.history !== undefined) await sweep(definition.name);
        }
      } catch (error) {
        if (!(error instanceof ViewsUnavailable)) throw error;
        logger.error({ err: error }, 'the read models cannot be swept now');
      }
      await pause(EVERY_MS, signal, time);
    }
  }

  const ended = run();
  ended.catch(() => {});
  return {
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
}
