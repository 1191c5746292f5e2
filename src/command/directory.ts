// The directory: who may post, and what there is to configure. The command side's own knowledge, fed from topic
// `organizations` alone: it never asks the read models, which may lag behind what it has just written.
//
// It is fed twice: by following the log, and by reading on at once when somebody needs to know (refresh). What the
// two bring overlaps, so what has been taken in already is passed over.

import { setTimeout as delay } from 'node:timers/promises';
import { type Batch, type Log, LogUnavailable, type Position } from '../log/log.ts';
import { DIRECTORY_EVENTS, type DirectoryState, emptyDirectory, evolve } from './directory-state.ts';

export interface Directory {
  /** What is known now; changes as events come in. */
  readonly state: Readonly<DirectoryState>;
  /** Resolves when the event at this position has been taken in, or when the directory is closed. */
  reached(position: Position): Promise<void>;
  /**
   * Takes in all that is in the log now, also what other processes have written a moment ago. One reading at a time:
   * who asks during one shares the next with all others who do. Rejects with LogUnavailable.
   */
  refresh(): Promise<void>;
  /** Rejects when the log can no longer be followed, for a reason that does not pass by itself. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

const TOPIC = 'organizations';
/** After this time a log that was unavailable is tried again. */
const RETRY_MS = 500;

/** Reads all that is in the log, and follows it from then on. Rejects with LogUnavailable. */
export async function openDirectory({ log }: { log: Pick<Log, 'read' | 'follow'> }): Promise<Directory> {
  const state = emptyDirectory();
  const closing = new AbortController();
  /** For each partition, the offset that is read next. */
  const next: Record<number, number> = {};
  let waiters: { position: Position; resolve: () => void }[] = [];
  let reading: Promise<void> = Promise.resolve();
  let nextReading: Promise<void> | undefined;

  function has({ partition, offset }: Position): boolean {
    return offset < (next[partition] ?? 0);
  }

  function takeIn({ partition, events, next: upTo }: Batch<typeof TOPIC>): void {
    const from = next[partition] ?? 0;
    for (const { offset, event } of events) if (offset >= from) evolve(state, event);
    next[partition] = Math.max(from, upTo);
    const met = waiters.filter(({ position }) => has(position));
    if (met.length === 0) return;
    waiters = waiters.filter(({ position }) => !has(position));
    for (const { resolve } of met) resolve();
  }

  async function readOn(): Promise<void> {
    const options = { types: DIRECTORY_EVENTS, from: { ...next } };
    for await (const batch of log.read(TOPIC, options)) takeIn(batch);
  }

  async function readOnNext(): Promise<void> {
    // Its failure is told to those who wait for it.
    await reading.catch(() => {});
    nextReading = undefined;
    reading = readOn();
    await reading;
  }

  /** Follows the log, through times when it is unavailable, until the directory or the log is closed. */
  async function follow(): Promise<void> {
    const { signal } = closing;
    try {
      for (;;) {
        try {
          const options = { types: DIRECTORY_EVENTS, from: { ...next }, signal };
          for await (const batch of log.follow(TOPIC, options)) takeIn(batch);
          return;
        } catch (error) {
          if (!(error instanceof LogUnavailable)) throw error;
        }
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
      }
    } finally {
      // Nobody is to wait for ever.
      for (const { resolve } of waiters) resolve();
      waiters = [];
      closing.abort();
    }
  }

  await readOn();
  const ended = follow();
  ended.catch(() => {});
  return {
    state,
    reached(position) {
      if (has(position) || closing.signal.aborted) return Promise.resolve();
      return new Promise((resolve) => waiters.push({ position, resolve }));
    },
    refresh() {
      nextReading ??= readOnNext();
      return nextReading;
    },
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
}
