// The projector: follows the topics and keeps the read models up to date. Where it is stands with the views, in the
// same transaction as the documents, so views that were deleted come back from the log by themselves.

import type { Logger } from 'pino';
import type { Topic } from '../events.ts';
import { type Log, LogUnavailable, type Offsets } from '../log/log.ts';
import { pause } from '../log/pause.ts';
import type { Time } from '../time.ts';
import { type Views, ViewsUnavailable } from '../views/views.ts';
import { leastOffsets, projectBatch, projectBatches, topicsOf } from './project.ts';
import type { Projection } from './projection.ts';
import { followTogether } from './together.ts';

export interface ProjectorOptions {
  log: Pick<Log, 'follow'>;
  views: Pick<Views, 'apply' | 'positions'>;
  projections: readonly Projection[];
  logger: Pick<Logger, 'error'>;
  time: Time;
}

export interface Projector {
  /** Rejects when the projector fails for a reason that is not the store's being away. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** The first pause between two tries while a store is away, which doubles each time, and the longest. */
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/**
 * After a batch it waits for so many times as long as that took, so that under load more comes together, and documents that
 * several events in a row change are written once: a delivery is by three. Where nothing is going on nobody waits.
 */
const PAUSE_FACTOR = 4;
/** No longer than that: so much later, at the most, is something in the read models. */
const MAX_PAUSE_MS = 100;

export function startProjector({ log, views, projections, logger, time }: ProjectorOptions): Projector {
  const closing = new AbortController();
  const { signal } = closing;

  /** Follows the log until close(), however long the log or the store is away. */
  async function follow(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      try {
        for await (const batches of followTogether(log, await whereToBegin(), signal)) {
          const startedMs = time.elapsed();
          await views.apply(projectBatches(projections, batches));
          backoffMs = FIRST_BACKOFF_MS;
          // Who is behind does not wait.
          if (batches.some(({ next, end }) => next < end)) continue;
          const pauseMs = Math.min(PAUSE_FACTOR * (time.elapsed() - startedMs), MAX_PAUSE_MS);
          await pause(pauseMs, signal, time);
        }
      } catch (error) {
        if (!(error instanceof ViewsUnavailable || error instanceof LogUnavailable)) throw error;
        logger.error({ err: error, backoffMs }, 'the read models cannot be kept up');
        await pause(backoffMs, signal, time);
        backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
      }
    }
  }

  async function whereToBegin(): Promise<Map<Topic, Offsets>> {
    const from = new Map<Topic, Offsets>();
    for (const topic of topicsOf(projections)) from.set(topic, await leastOffsets(topic, projections, views));
    return from;
  }

  const ended = follow();
  ended.catch(() => {});
  return {
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
}

/** Projects up to the log's end as it is now: for a process beside which no projector runs. */
export async function projectToEnd({
  log,
  views,
  projections,
}: Omit<ProjectorOptions, 'log' | 'logger' | 'time'> & { log: Pick<Log, 'read'> }): Promise<void> {
  for (const topic of topicsOf(projections)) {
    const from = await leastOffsets(topic, projections, views);
    for await (const batch of log.read(topic, { from })) await views.apply(projectBatch(projections, batch));
  }
}
