// From a batch of the log to a batch for the views: what the loop, the rebuild and the CLI share. Pure.

import { atMsOf, type Topic } from '../events.ts';
import type { Batch, Offsets } from '../log/log.ts';
import type { Patch, ViewBatch, ViewPositions, Views } from '../views/views.ts';
import { changesOf, type Projection } from './projection.ts';

/** What the events of a batch change in the views of `projections`, and how far that takes them. */
export function projectBatch(projections: readonly Projection[], batch: Batch<Topic>): ViewBatch {
  return projectBatches(projections, [batch]);
}

/** The same of several batches, in their order, as one. */
export function projectBatches(
  projections: readonly Projection[],
  batches: readonly Batch<Topic>[],
): ViewBatch {
  const patches: Patch[] = [];
  const positions = batches.map(({ topic, partition, next }) => ({ topic, partition, offset: next }));
  const newestAtMs: Partial<Record<Topic, number>> = {};
  for (const { topic, partition, events } of batches) {
    newestAtMs[topic] = events.reduce(
      (newest, { event }) => Math.max(newest, atMsOf(event) ?? 0),
      newestAtMs[topic] ?? 0,
    );
    const concerned = projections.filter(({ definition }) => definition.topics.includes(topic));
    for (const { event, offset } of events) {
      const cause = { topic, partition, offset };
      for (const projection of concerned) {
        const view = projection.definition.name;
        for (const change of changesOf(projection, event, cause)) patches.push({ view, cause, ...change });
      }
    }
  }
  return { patches, positions, newestAtMs };
}

/** The topics that these projections are made from. */
export function topicsOf(projections: readonly Projection[]): Topic[] {
  return [...new Set(projections.flatMap(({ definition }) => definition.topics))];
}

/** From where a topic must be read so that none of the views misses anything. */
export async function leastOffsets(
  topic: Topic,
  projections: readonly Projection[],
  views: Pick<Views, 'positions'>,
): Promise<Offsets> {
  const readers = projections.filter(({ definition }) => definition.topics.includes(topic));
  const positions = await Promise.all(readers.map(({ definition }) => views.positions(definition.name)));
  return leastOf(positions.map((position: ViewPositions) => position[topic] ?? {}));
}

/** The least offset of each partition; where one of them says nothing, 0 counts. */
export function leastOf(all: readonly Offsets[]): Offsets {
  const [first = {}, ...rest] = all;
  const offsets: Record<number, number> = { ...first };
  for (const partition of Object.keys(offsets).map(Number)) {
    for (const other of rest) {
      offsets[partition] = Math.min(offsets[partition] ?? 0, other[partition] ?? 0);
    }
  }
  return offsets;
}
