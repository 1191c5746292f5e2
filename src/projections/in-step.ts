// Reading several topics to their ends side by side, in step: what is behind in time comes first. So what the topics say of
// one document mostly comes in one batch, and the document is written once, not once a topic. No more than a matter of speed:
// that the topics may come in any order is for the patches to see to.

import { atMsOf, type Topic } from '../events.ts';
import type { Batch, Log, ReadOptions } from '../log/log.ts';

/** Events that are read at a time of one topic: the fewer, the closer the step. */
const STEP_EVENTS = 1_000;

/** Batches that hold `atLeast` events or more together, but for the last ones. Begins at `from`, of each topic. */
export async function* readInStep(
  log: Pick<Log, 'read'>,
  from: Readonly<Partial<Record<Topic, ReadOptions['from']>>>,
  { topics, types, atLeast }: { topics: readonly Topic[]; atLeast: number } & Pick<ReadOptions, 'types'>,
): AsyncGenerator<Batch<Topic>[]> {
  const options = { batch: STEP_EVENTS, ...(types === undefined ? {} : { types }) };
  const readers = topics.map((topic) => ({
    batches: log.read(topic, { ...options, from: from[topic] ?? {} })[Symbol.asyncIterator](),
    /** How far it has come. */
    atMs: 0,
  }));
  const reading = new Set(readers);
  let gathered: Batch<Topic>[] = [];
  let events = 0;
  try {
    while (reading.size > 0) {
      const behind = [...reading].reduce((a, b) => (b.atMs < a.atMs ? b : a));
      const { value: batch, done } = await behind.batches.next();
      if (done) {
        reading.delete(behind);
        continue;
      }
      const last = batch.events.at(-1);
      behind.atMs = (last && atMsOf(last.event)) ?? behind.atMs;
      gathered.push(batch);
      events += batch.events.length;
      if (events < atLeast) continue;
      yield gathered;
      gathered = [];
      events = 0;
    }
    if (gathered.length > 0) yield gathered;
  } finally {
    await Promise.all(readers.map(({ batches }) => batches.return?.()));
  }
}
