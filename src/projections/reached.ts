// Waiting for the read models: so that who has just written reads what was written.

import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '../events.ts';
import type { Log, Position } from '../log/log.ts';
import type { Views } from '../views/views.ts';
import { leastOffsets, topicsOf } from './project.ts';
import type { Projection } from './projection.ts';

const POLL_MS = 5;

interface ReachedOptions {
  views: Pick<Views, 'positions'>;
  projections: readonly Projection[];
  /** How long it is waited at most. */
  withinMs: number;
}

/** Whether all views have taken in the events at these positions, in time. */
export async function reached(
  positions: readonly Position[],
  { views, projections, withinMs }: ReachedOptions,
): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    if (await haveReached(positions, views, projections)) return true;
    if (performance.now() >= deadlineMs) return false;
    await delay(POLL_MS);
  }
}

/** Whether all views have taken in all that is in the log now, in time. */
export async function reachedEnd(log: Pick<Log, 'ends'>, options: ReachedOptions): Promise<boolean> {
  const positions: Position[] = [];
  for (const topic of topicsOf(options.projections)) {
    for (const [partition, end] of (await log.ends(topic)).entries()) {
      if (end > 0) positions.push({ topic, partition, offset: end - 1 });
    }
  }
  return reached(positions, options);
}

async function haveReached(
  positions: readonly Position[],
  views: Pick<Views, 'positions'>,
  projections: readonly Projection[],
): Promise<boolean> {
  const topics: Topic[] = [...new Set(positions.map(({ topic }) => topic))];
  for (const topic of topics) {
    const offsets = await leastOffsets(topic, projections, views);
    for (const position of positions) {
      if (position.topic === topic && (offsets[position.partition] ?? 0) <= position.offset) return false;
    }
  }
  return true;
}
