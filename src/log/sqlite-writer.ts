// The writer of log.db: appends and commits that wait at the same moment are written in one transaction, so that
// one sync of the disk serves them all. Each is answered after that transaction is on disk; if it cannot be
// written, all of them are rejected and nothing has changed. While another process writes they wait, and everything else
// in this one goes on; how much may wait is bounded by waiting.ts, and for how long by BUSY_MS.
//
// A server has a thread that does it (sqlite-thread.ts): what comes while that writes is the next transaction.

import { compactionKeyOf, type HooklaneEvent, keyOf, TOPIC_OF } from '../events.ts';
import { encode } from './codec.ts';
import { Fenced, LogUnavailable, type Position } from './log.ts';
import { partitionOf } from './partitioner.ts';
import type { Change, Committer, Fence, Write, Written } from './sqlite-committer.ts';
import { BUSY_MS, isBusy } from './sqlite-file.ts';
import type { CommitThread } from './sqlite-thread.ts';
import type { Tail } from './tail.ts';
import { createWaiting, type Size } from './waiting.ts';

export interface Writer {
  /**
   * Resolves to where the events stand, once they are on disk. Rejects with LogUnavailable, LogRefused or Fenced. Without a
   * fence it throws LogBusy where too much waits.
   */
  write(events: readonly HooklaneEvent[], fence?: Fence): Promise<Position[]>;
  /** Whether a large payload would have to wait for too much. */
  isFull(): boolean;
  /** Writes what waits, and no more. */
  close(): Promise<void>;
}

/** A write waits no longer than this to share a transaction. */
const MAX_WAIT_MS = 10;
/** How soon it is tried again while another process writes. */
const RETRY_MS = 5;

interface Job extends Write {
  /** One for each change. */
  events: readonly HooklaneEvent[];
  size: Size;
  /** When it began to wait. */
  sinceMs: number;
  resolve: (positions: Position[]) => void;
  reject: (error: unknown) => void;
}

interface WriterOptions {
  partitions: number;
  committer: Committer;
  /** Writes in the place of `committer`, where there is one. */
  thread: CommitThread | undefined;
  tail: Tail;
  /** Called after each transaction, before its writes are answered. */
  onWritten: () => void;
}

export function createWriter({ partitions, committer, thread, tail, onWritten }: WriterOptions): Writer {
  const waiting = createWaiting();
  let jobs: Job[] = [];
  /** Whether something is being written, or about to be. */
  let writing = false;
  let notBeforeMs = 0;
  let whenIdle: (() => void) | undefined;

  /**
   * Not at once: whoever else gets to write in this turn of the event loop shares the transaction. Where there is no thread,
   * also not before as much time has gone by since the last one as that took: so however slow the disk is, no more than half
   * of the time goes into waiting for it, and the busier it is here, the more share a transaction.
   */
  function schedule(): void {
    writing = true;
    const waitMs = Math.min(notBeforeMs - performance.now(), MAX_WAIT_MS);
    if (waitMs >= 1) setTimeout(flush, waitMs);
    else setImmediate(flush);
  }

  async function flush(): Promise<void> {
    const batch = jobs;
    jobs = [];
    const startedMs = performance.now();
    try {
      const written = thread === undefined ? committer.commit(batch) : await thread.commit(batch);
      if (thread === undefined) notBeforeMs = 2 * performance.now() - startedMs;
      const positions = batch.map((job, i) => positionsOf(job, written[i]));
      batch.forEach((job, i) => {
        keep(job, positions[i]);
      });
      onWritten();
      batch.forEach((job, i) => {
        settle(job, positions[i]);
      });
    } catch (error) {
      if (!(error instanceof LogUnavailable && isBusy(error.cause))) giveUp(batch, error);
      else {
        // Those that have not waited for long enough are tried again, before what came meanwhile.
        const beforeMs = performance.now() - BUSY_MS;
        const tooOld = batch.filter(({ sinceMs }) => sinceMs < beforeMs);
        jobs = [...batch.filter(({ sinceMs }) => sinceMs >= beforeMs), ...jobs];
        notBeforeMs = performance.now() + RETRY_MS;
        giveUp(tooOld, error);
      }
    }
    if (jobs.length > 0) return schedule();
    writing = false;
    whenIdle?.();
  }

  function settle({ fence, size, resolve, reject }: Job, positions: Position[] | undefined): void {
    waiting.leave(size);
    if (positions !== undefined) resolve(positions);
    else if (fence !== undefined) reject(new Fenced(fence.group, fence.topic, fence.partition));
  }

  /** Hands on what is on disk now. */
  function keep({ changes, events }: Job, positions: Position[] | undefined): void {
    if (positions === undefined) return;
    for (const [n, position] of positions.entries()) {
      const [change, event] = [changes[n], events[n]];
      if (change === undefined || event === undefined || change.type === 'remove') continue;
      if (change.type === 'append') tail.add(event, position, change.data.length);
      if (thread !== undefined) committer.noteWritten(position);
    }
  }

  function giveUp(batch: readonly Job[], error: unknown): void {
    for (const { size, reject } of batch) {
      waiting.leave(size);
      reject(error);
    }
  }

  return {
    write(events, fence) {
      const changes = events.map((event) => changeOf(event, partitions));
      const size = fence === undefined ? sizeOf(changes) : NOTHING;
      waiting.enter(size);
      return new Promise((resolve, reject) => {
        jobs.push({ changes, events, fence, size, sinceMs: performance.now(), resolve, reject });
        if (!writing) schedule();
      });
    },
    isFull: waiting.isFull,
    async close() {
      if (writing) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      await thread?.close();
    },
  };
}

/** Undefined: nothing of it was written. */
function positionsOf({ changes }: Job, offsets: Written): Position[] | undefined {
  return offsets?.map((offset, n) => {
    const { topic, partition } = changes[n] as Change;
    return { topic, partition, offset };
  });
}

const NOTHING: Size = { events: 0, bytes: 0 };

function sizeOf(changes: readonly Change[]): Size {
  const bytes = changes.reduce((sum, change) => sum + ('data' in change ? change.data.length : 0), 0);
  return { events: changes.length, bytes };
}

function changeOf(event: HooklaneEvent, partitions: number): Change {
  const partition = partitionOf(keyOf(event), partitions);
  switch (event.type) {
    case 'PendingDropped':
      return { type: 'remove', topic: 'lanes', partition, key: compactionKeyOf(event) };
    case 'LaneSaved':
    case 'PendingSaved':
    case 'RetriedSaved':
      return { type: 'replace', topic: 'lanes', partition, key: compactionKeyOf(event), data: encode(event) };
    default: {
      const topic = TOPIC_OF[event.type];
      if (topic === 'lanes')
        throw new Error(`${event.type} stands in a compacted topic and is not compacted`);
      return { type: 'append', topic, partition, data: encode(event) };
    }
  }
}
