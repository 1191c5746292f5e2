// The world of a simulation: its time, which passes only from one happening to the next, and the processes that live in
// it. Everything that reaches a process (a timer, an answer, an event) goes through it, so that it can be killed, or
// stopped and let go on, between any two of them. One thread and one queue: the same seed gives the same run.

import TinyQueue from 'tinyqueue';
import { processTime, type Time } from '../../src/time.ts';
import { createRandom, type Random } from './random.ts';

/** When every simulation begins: 2027-01-15T08:00Z. */
export const BEGINS_AT_MS = 1_800_000_000_000;

export interface World {
  readonly random: Random;
  /** The true time. No process knows it. */
  now(): number;
  /** Lets `work` happen after `ms`; returns how to call it off. */
  after(ms: number, work: () => void): () => void;
  /** Lets everything happen up to a time. */
  runUntil(atMs: number): Promise<void>;
}

interface Happening {
  atMs: number;
  order: number;
  work: (() => void) | undefined;
}

export function createWorld(seed: number): World {
  const queue = new TinyQueue<Happening>([], (a, b) => a.atMs - b.atMs || a.order - b.order);
  let nowMs = BEGINS_AT_MS;
  let order = 0;
  return {
    random: createRandom(seed),
    now: () => nowMs,
    after(ms, work) {
      const happening: Happening = { atMs: nowMs + Math.max(0, Math.ceil(ms)), order: order++, work };
      queue.push(happening);
      return () => {
        happening.work = undefined;
      };
    },
    async runUntil(atMs) {
      for (let top = queue.peek(); top !== undefined && top.atMs <= atMs; top = queue.peek()) {
        queue.pop();
        nowMs = top.atMs;
        if (top.work === undefined) continue;
        top.work();
        await settled();
      }
      nowMs = atMs;
    },
  };
}

/**
 * Resolves when all that follows from a happening, in promises, has been done: Node runs a tick that was asked for in a
 * promise's reaction after all of these. (setImmediate() does as well, and goes through the event loop: twice as slow.)
 */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** A machine, and how far its clock is from the true time. */
export interface Machine {
  offsetMs: number;
}

/** A process of Hooklane. What has died stays dead: a restart is another process. */
export interface Process {
  readonly name: string;
  readonly time: Time;
  /** Whether anything kills it. */
  readonly isMortal: boolean;
  readonly isAlive: boolean;
  readonly isStopped: boolean;
  /** Lets something reach the process: at once, when it goes on, or never. */
  deliver(work: () => void): void;
  /** SIGKILL. */
  kill(): void;
  /** SIGSTOP, and SIGCONT after `ms`. */
  stop(ms: number): void;
}

export interface ProcessOptions {
  name: string;
  machine: Machine;
  /** Called when it dies; missing: nothing kills it. */
  onDeath?: () => void;
}

export function createProcess(world: World, { name, machine, onDeath }: ProcessOptions): Process {
  let isAlive = true;
  let isStopped = false;
  let missed: (() => void)[] = [];

  function deliver(work: () => void): void {
    if (!isAlive) return;
    if (isStopped) missed.push(work);
    else work();
  }

  return {
    name,
    deliver,
    isMortal: onDeath !== undefined,
    get isAlive() {
      return isAlive;
    },
    get isStopped() {
      return isStopped;
    },
    time: processTime({
      wall: () => world.now() + machine.offsetMs,
      elapsed: world.now,
      after: (ms, work) => world.after(ms, () => deliver(work)),
    }),
    kill() {
      if (!isAlive || onDeath === undefined) return;
      isAlive = false;
      missed = [];
      onDeath();
    },
    stop(ms) {
      if (!isAlive || isStopped) return;
      isStopped = true;
      world.after(ms, () => {
        isStopped = false;
        // In whatever order: timers and sockets that are ready at once have none.
        const late = missed;
        missed = [];
        while (late.length > 0) {
          const [work] = late.splice(world.random.whole(0, late.length - 1), 1);
          if (work !== undefined) world.after(0, () => deliver(work));
        }
      });
    },
  };
}
