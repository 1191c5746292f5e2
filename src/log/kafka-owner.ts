// One partition, as its owner sees it: what was fetched waits here until it is asked for, and what comes of it goes
// out in transactions. Whoever owns it anew makes a new one of these, and starts from the group's position.

import type { HooklaneEvent, Topic } from '../events.ts';
import type { Want } from './kafka-fetch.ts';
import { type Portion, type RawRecord, recordOf, storedEvent } from './kafka-records.ts';
import type { Transactions } from './kafka-transactions.ts';
import type { Turn, Turns } from './kafka-turns.ts';
import { Fenced, type Group, LogUnavailable, type Partition, type StoredEvent } from './log.ts';
import { createNews } from './news.ts';
import { pause } from './pause.ts';

/** Bytes that wait to be asked for: with so many, no more are fetched. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const RETRY_MS = 200;
/** With so many events a turn is worth its transaction. */
const MANY_EVENTS = 100;

export interface Owner<T extends Topic> {
  readonly partition: Partition<T>;
  /** From where to fetch; undefined: there is enough. */
  wants(): Want | undefined;
  /** Takes what was fetched from want.offset on; undefined for a want of somebody else. */
  give(want: Want, portion: Portion): void;
  /** Lets a next() that waits know that nothing can be fetched. */
  fail(error: unknown): void;
  /** Sees to it, when a broker was away, that what was committed can be read: before anything else is committed. */
  confirm(): void;
  /** The partition is lost. */
  lose(): void;
  /** Resolves when no commit is on its way. */
  settled(): Promise<void>;
}

export interface OwnerOptions<T extends Topic> {
  group: Group;
  topic: T;
  index: number;
  /** The group's position. */
  position: number;
  partitions: number;
  transactions: Transactions;
  /** Shared by all owners in this process. */
  turns: Turns;
  /** Called when wants() may have something to say again. */
  onHungry: () => void;
}

export function createOwner<T extends Topic>(options: OwnerOptions<T>): Owner<T> {
  const { group, topic, index, partitions, transactions, turns, onHungry } = options;
  const losing = new AbortController();
  const lost = losing.signal;
  const news = createNews();
  let woken = false;
  let failure: unknown;
  let fetchFrom = options.position;
  let buffer: RawRecord[] = [];
  let bufferedBytes = 0;
  let at = 0;
  /** Behind the last event that was given to the work. */
  let given = options.position;
  /** One commit at a time. */
  let committing: Promise<void> = Promise.resolve();
  /** From a next() to the end of the commit of what came of it, or to the following next(). */
  let turn: Turn | undefined;

  function endTurn(isDone: boolean): void {
    turn?.end(isDone);
    turn = undefined;
  }

  function take(max: number): StoredEvent<T>[] {
    const events: StoredEvent<T>[] = [];
    while (at < buffer.length && events.length < max) {
      const record = buffer[at++];
      bufferedBytes -= record?.value?.length ?? 0;
      const stored = record && storedEvent(record, { topic, partition: index });
      if (stored !== undefined) events.push(stored);
    }
    given = (events.at(-1)?.offset ?? given - 1) + 1;
    if (at === buffer.length) {
      buffer = [];
      at = 0;
      onHungry();
    }
    return events;
  }

  async function write(out: readonly HooklaneEvent[], upTo: number): Promise<void> {
    turn ??= await turns.begin(lost);
    if (lost.aborted) throw new Fenced(group, topic, index);
    const records = out.map((event) => recordOf(event, partitions));
    // Behind the last event stand at most the marks of transactions, which nobody has still to read.
    const isAll = upTo === given && at === buffer.length;
    await transactions.commit(records, isAll ? fetchFrom : upTo);
  }

  /** Tells the work with its next next(). */
  function fail(error: Error): void {
    failure = error;
    news.raise();
  }

  /** Until it is done, however long that takes, or the partition is lost. */
  async function confirm(): Promise<void> {
    while (!lost.aborted) {
      try {
        await transactions.confirm();
        return;
      } catch (error) {
        // The next commit meets it again, and tells the work.
        if (error instanceof Fenced) return;
        if (!(error instanceof LogUnavailable)) throw error;
      }
      await pause(RETRY_MS, lost);
    }
  }

  const partition: Partition<T> = {
    topic,
    index,
    position: options.position,
    lost,
    async next(max) {
      endTurn(false);
      for (;;) {
        if (woken || (max > 0 && at < buffer.length)) turn ??= await turns.begin(lost);
        const events = lost.aborted ? [] : take(max);
        if (events.length > 0 || woken || lost.aborted) {
          woken = false;
          if (lost.aborted) endTurn(false);
          else if (events.length >= MANY_EVENTS) turn?.release();
          return events;
        }
        endTurn(false);
        if (failure !== undefined && max > 0) {
          const error = failure;
          failure = undefined;
          throw error;
        }
        await news.heard();
      }
    },
    wake() {
      woken = true;
      news.raise();
    },
    commit(out, upTo) {
      const done = committing.then(() => write(out, upTo));
      committing = done.then(
        () => endTurn(true),
        () => endTurn(false),
      );
      return done;
    },
  };

  return {
    partition,
    wants: () =>
      lost.aborted || bufferedBytes >= MAX_BUFFERED_BYTES
        ? undefined
        : { topic, partition: index, offset: fetchFrom },
    give(want, { records, next }) {
      if (want.offset !== fetchFrom) return;
      buffer = at === buffer.length ? records : [...buffer.slice(at), ...records];
      at = 0;
      bufferedBytes += records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      fetchFrom = next;
      failure = undefined;
      news.raise();
    },
    fail,
    confirm() {
      // What does not pass by itself ends the work.
      committing = committing.then(confirm).catch(fail);
    },
    lose() {
      losing.abort();
      endTurn(false);
      news.raise();
    },
    settled: () => committing,
  };
}
