// The directory: who may post, and what there is to configure. The command side's own knowledge, fed from topic
// `organizations` alone: it never asks the read models, which may lag behind what it has just written.

import type { Log, Position } from '../log/log.ts';
import { DIRECTORY_EVENTS, type DirectoryState, emptyDirectory, evolve } from './directory-state.ts';

export interface Directory {
  /** What is known now; changes as events come in. */
  readonly state: Readonly<DirectoryState>;
  /** Resolves when the event at this position has been taken in. */
  reached(position: Position): Promise<void>;
  /** Takes in all that is in the log now, also what other processes have written a moment ago. */
  refresh(): Promise<void>;
  /** Rejects when the log can no longer be followed. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

const TOPIC = 'organizations';

/** Reads all that is in the log, and follows it from then on. */
export async function openDirectory({ log }: { log: Log }): Promise<Directory> {
  const state = emptyDirectory();
  const closing = new AbortController();
  /** For each partition, the offset that is read next. */
  const next: number[] = Array.from({ length: log.partitions }, () => 0);
  let waiters: { position: Position; resolve: () => void }[] = [];
  let refreshing: Promise<void> | undefined;

  function has({ partition, offset }: Position): boolean {
    return offset < (next[partition] ?? 0);
  }

  async function follow(): Promise<void> {
    const options = { types: DIRECTORY_EVENTS, signal: closing.signal };
    for await (const batch of log.follow(TOPIC, options)) {
      for (const { event } of batch.events) evolve(state, event);
      next[batch.partition] = batch.next;
      const met = waiters.filter(({ position }) => has(position));
      waiters = waiters.filter(({ position }) => !has(position));
      for (const { resolve } of met) resolve();
    }
    // Closed: nobody is to wait for ever.
    for (const { resolve } of waiters) resolve();
  }

  function reached(position: Position): Promise<void> {
    if (has(position) || closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => waiters.push({ position, resolve }));
  }

  async function readToEnd(): Promise<void> {
    const ends = await log.ends(TOPIC);
    const last = ends.map((end, partition): Position => ({ topic: TOPIC, partition, offset: end - 1 }));
    await Promise.race([Promise.all(last.map(reached)), ended]);
  }

  const ended = follow();
  ended.catch(() => {});
  const directory: Directory = {
    state,
    reached,
    refresh() {
      refreshing ??= readToEnd().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
  await directory.refresh();
  return directory;
}
