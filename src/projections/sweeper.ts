// The sweeper: frees the room of what the read models have become too old to show (see views/retention.ts), and of claims
// on Idempotency-Keys of which they know what came. Bit by bit, with pauses in which others write: nobody waits for it, as
// what it removes is in no answer any more.

import type { Logger } from 'pino';
import { type Log, LogUnavailable } from '../log/log.ts';
import { pause } from '../log/pause.ts';
import type { Time } from '../time.ts';
import { type Views, ViewsUnavailable } from '../views/views.ts';
import { idempotencyKeys } from './idempotency-keys.ts';
import type { Projection } from './projection.ts';
import { reachedEnd } from './reached.ts';

export interface SweeperOptions {
  log: Pick<Log, 'ends'>;
  views: Pick<Views, 'sweep' | 'positions' | 'claims'>;
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
/** Claims stay for so long after their lease: clocks of hosts differ, and whoever looked into the read model is done. */
const EXPIRED_MS = 60_000;
/** How long it waits for the read model, which is a little behind as long as anything comes. */
const REACHED_WITHIN_MS = 1_000;

export function startSweeper({ log, views, projections, logger, time }: SweeperOptions): Sweeper {
  const closing = new AbortController();
  const { signal } = closing;

  async function sweep(view: string): Promise<void> {
    while (!signal.aborted && (await views.sweep(view))) await pause(PAUSE_MS, signal, time);
  }

  /** What came of a claim was in the log when its lease was over, or nothing did: so the read model has it by now. */
  async function expireClaims(): Promise<void> {
    const beforeMs = time.now() - EXPIRED_MS;
    if (!(await reachedEnd(log, { views, projections: [idempotencyKeys], withinMs: REACHED_WITHIN_MS })))
      return;
    while (!signal.aborted && (await views.claims.expire(beforeMs))) await pause(PAUSE_MS, signal, time);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const { definition } of projections) {
          if (definition.history !== undefined) await sweep(definition.name);
        }
        await expireClaims();
      } catch (error) {
        if (!(error instanceof ViewsUnavailable || error instanceof LogUnavailable)) throw error;
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
