// Renewal: views that an older version of their projection has made, or that have lost what is to be kept by now (a longer
// retention is configured), are rebuilt beside what serves, which goes on serving until the new one takes its place. Of
// several processes one does it, by the shadow's own rule; a rebuild that dies is begun again, by whoever finds it dead.

import type { Logger } from 'pino';
import { type Log, LogUnavailable } from '../log/log.ts';
import { pause } from '../log/pause.ts';
import type { Time } from '../time.ts';
import { RebuildRuns, type Views, ViewsUnavailable } from '../views/views.ts';
import type { Projection } from './projection.ts';
import { rebuild } from './rebuild.ts';

export interface RenewalOptions {
  log: Log;
  views: Views;
  projections: readonly Projection[];
  logger: Pick<Logger, 'info' | 'error'>;
  time: Time;
}

export interface Renewal {
  /** Resolves when no view is outdated. Rejects for a reason that does not pass by itself. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** How often a rebuild of somebody else, or a store that is away, is looked after. */
const RETRY_MS = 2_000;
/** How often progress is told. */
const TOLD_EVERY_MS = 10_000;

export function startRenewal({ log, views, projections, logger, time }: RenewalOptions): Renewal {
  const closing = new AbortController();
  const { signal } = closing;

  async function renew(projection: Projection): Promise<void> {
    const view = projection.definition.name;
    const startedMs = time.elapsed();
    let toldMs = startedMs;
    logger.info(
      { view },
      'this read model is rebuilt for a new version, or a longer retention; the old one serves until then',
    );
    const onProgress = (done: number, total: number) => {
      if (time.elapsed() - toldMs < TOLD_EVERY_MS) return;
      toldMs = time.elapsed();
      logger.info({ view, done, total }, 'a read model is being rebuilt');
    };
    const { events } = await rebuild(projection, { log, views, signal, onProgress });
    const durationMs = Math.round(time.elapsed() - startedMs);
    logger.info({ view, events, durationMs }, 'the rebuilt read model serves');
  }

  async function renewAll(): Promise<void> {
    for (const projection of projections) {
      const view = projection.definition.name;
      while (!signal.aborted) {
        try {
          if (!(await views.isOutdated(view))) break;
          await renew(projection);
        } catch (error) {
          if (signal.aborted) return;
          const passes = error instanceof ViewsUnavailable || error instanceof LogUnavailable;
          if (passes) logger.error({ err: error, view }, 'this read model cannot be rebuilt now');
          else if (!(error instanceof RebuildRuns)) throw error;
          await pause(RETRY_MS, signal, time);
        }
      }
    }
  }

  const ended = renewAll();
  ended.catch(() => {});
  return {
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
}
