// Read models that have read further than the log goes: they were made from another one, as after a log was restored from a
// backup. What comes takes offsets that they have behind them, so they would never show it.

import type { Topic } from '../events.ts';
import type { Log } from '../log/log.ts';
import type { ViewDefinition, ViewPositions, Views } from '../views/views.ts';

export interface AheadOptions {
  log: Pick<Log, 'ends'>;
  views: Pick<Views, 'positions'>;
  definitions: readonly Pick<ViewDefinition, 'name' | 'topics'>[];
}

/** The names of those that are ahead of the log. Rejects with what the stores reject with. */
export async function viewsAhead({ log, views, definitions }: AheadOptions): Promise<string[]> {
  const positions = new Map<string, ViewPositions>();
  for (const { name } of definitions) positions.set(name, await views.positions(name));
  // Only now: in their own log they can have read no further than to an end that is asked for later.
  const ends = new Map<Topic, readonly number[]>();
  for (const topic of new Set(definitions.flatMap(({ topics }) => topics)))
    ends.set(topic, await log.ends(topic));
  const isAhead = (name: string, topic: Topic) =>
    Object.entries(positions.get(name)?.[topic] ?? {}).some(
      ([partition, next]) => next > (ends.get(topic)?.[Number(partition)] ?? 0),
    );
  return definitions
    .filter(({ name, topics }) => topics.some((topic) => isAhead(name, topic)))
    .map(({ name }) => name);
}
