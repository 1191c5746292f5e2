// Following several topics together: what has come of all of them since the last time, at once. So what they say of one
// document is written once, and in one transaction; the longer it is not asked for, the more there is.

import type { Topic } from '../events.ts';
import type { Batch, Log, Offsets } from '../log/log.ts';
import { createNews } from '../log/news.ts';

/** What is held at most before no more is read, but for one batch of each topic. */
const ENOUGH_EVENTS = 4_000;
/** What a batch counts as that did not reach the end: it is of so many events, or of as many bytes as may be read at a time. */
const CUT_BATCH_EVENTS = 1_000;

/** Some batches at least. Begins at `from`, of each topic; ends without an error when `signal` is aborted. */
export async function* followTogether(
  log: Pick<Log, 'follow'>,
  from: ReadonlyMap<Topic, Offsets>,
  signal: AbortSignal,
): AsyncGenerator<Batch<Topic>[]> {
  const ending = new AbortController();
  const ended = AbortSignal.any([signal, ending.signal]);
  const news = createNews();
  let gathered: Batch<Topic>[] = [];
  let events = 0;
  let emptied = Promise.withResolvers<void>();
  let failure: { error: unknown } | undefined;

  async function gather(topic: Topic, offsets: Offsets): Promise<void> {
    for await (const batch of log.follow(topic, { from: offsets, signal: ended })) {
      gathered.push(batch);
      const isCut = batch.next < batch.end;
      events += isCut ? CUT_BATCH_EVENTS : batch.events.length;
      // One that was cut is followed by more, at once.
      if (!isCut || events >= ENOUGH_EVENTS) news.raise();
      if (events >= ENOUGH_EVENTS) await emptied.promise;
    }
  }

  function fail(error: unknown): void {
    failure ??= { error };
    news.raise();
  }

  signal.addEventListener('abort', news.raise);
  const gathering = [...from].map(([topic, offsets]) => gather(topic, offsets).catch(fail));
  try {
    while (!signal.aborted) {
      await news.heard();
      if (failure !== undefined) throw failure.error;
      // Taken already, or there will be nothing any more.
      if (signal.aborted || gathered.length === 0) continue;
      const batches = gathered;
      gathered = [];
      events = 0;
      emptied.resolve();
      emptied = Promise.withResolvers();
      yield batches;
    }
  } finally {
    signal.removeEventListener('abort', news.raise);
    ending.abort();
    emptied.resolve();
    await Promise.all(gathering);
  }
}
