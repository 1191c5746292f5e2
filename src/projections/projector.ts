// The projector: follows the topics and keeps the read models up to date. Where it is stands with the views, in the
// same transaction as the documents, so views that were deleted come back from the log by themselves.

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Topic } from '../events.ts';
import type { Log } from '../log/log.ts';
import { type ViewBatch, type Views, ViewsUnavailable } from '../views/views.ts';
import { leastOffsets, projectBatch, topicsOf } from './project.ts';
import type { Projection } from './projection.ts';

export interface ProjectorOptions {
  log: Log;
  views: Views;
  projections: readonly Projection[];
  logger: Logger;
}

export interface Projector {
  /** Rejects when the projector fails for a reason that is not the store's being away. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Longest pause between two tries while the store is away. */
const MAX_BACKOFF_MS = 5_000;

export function startProjector({ log, views, projections, logger }: ProjectorOptions): Projector {
  const closing = new AbortController();
  const { signal } = closing;

  async function followTopic(topic: Topic): Promise<void> {
    const from = await leastOffsets(topic, projections, views);
    for await (const batch of log.follow(topic, { from, signal })) {
      await apply(projectBatch(projections, batch));
    }
  }

  /** Applies a batch, however long the store is away. */
  async function apply(batch: ViewBatch): Promise<void> {
    for (let backoffMs = 100; !signal.aborted; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      try {
        await views.apply(batch);
        return;
      } catch (error) {
        if (!(error instanceof ViewsUnavailable)) throw error;
        logger.error({ err: error, backoffMs }, 'the read models cannot be written');
        // Aborted by close(): the loop ends, and the batch is read again at the next start.
        await delay(backoffMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  const ended = Promise.all(topicsOf(projections).map(followTopic)).then(() => undefined);
  ended.catch(() => closing.abort());
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
}: Omit<ProjectorOptions, 'logger'>): Promise<void> {
  for (const topic of topicsOf(projections)) {
    const from = await leastOffsets(topic, projections, views);
    for await (const batch of log.read(topic, { from })) await views.apply(projectBatch(projections, batch));
  }
}
