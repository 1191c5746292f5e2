// How many partitions of a group a process works on at once. A transaction costs the broker about the same whatever is in it:
// where processors are short, sixteen small ones at once take as long as sixteen one after the other, and while a partition waits
// for its turn more comes together for it. Where a transaction takes its time whatever else goes on (brokers far away, many
// cores), to wait would gain nothing. Which of the two it is shows in whether turns take longer the more of them go on. So, as
// congestion control does it (TCP Vegas; the quiet times are BBR's): now and then few go on, for a while, to see what a turn takes;
// and from how much longer it takes with more, it follows how many of them only wait for each other.
// A turn with much to do is worth its transaction, and one that takes long, as a broker hangs, holds up nobody.

import { SYSTEM, type Time } from '../time.ts';

/** Turns at once, in quiet times: while one of them is at the broker, another is decided. */
const LEAST = 2;
/** How many turns a quiet time has; and the time from one to the next, twice as many each time, as what has just begun is slow. */
const QUIET_TURNS = 8;
const FIRST_BUSY_TURNS = 16;
const MAX_BUSY_TURNS = 1_024;
/** How much of what a turn has taken in the quietest time is forgotten with each. */
const FORGOTTEN = 0.02;
/** Turns that only wait for each other: with fewer, more may go on; with more, fewer. */
const FEW = 1;
const MANY = 2;
/** By how much it changes with each turn how many may go on. */
const STEP = 0.5;
/** How much the newest turn counts in what one takes. */
const WEIGHT = 1 / 8;
/** A turn that has gone on for so long counts no more. */
const LONGEST_MS = 100;

export interface Turns {
  /** Resolves when one more turn may begin. */
  begin(): Promise<Turn>;
}

export interface Turn {
  /** It goes on, and is not to hold up others. */
  release(): void;
  /** It is over. `isDone`: what was to be done was done, so that what it took says something. */
  end(isDone: boolean): void;
}

/** `most`: turns at once. */
export function createTurns(most: number, time: Pick<Time, 'elapsed' | 'after'> = SYSTEM): Turns {
  const waiting: (() => void)[] = [];
  const least = Math.min(LEAST, most);
  let going = 0;
  /** How many may go on when it is not quiet. */
  let limit = Math.min(2 * LEAST, most);
  /** What turns of this quiet time have taken; undefined: it is none. */
  let quiet: number[] | undefined = [];
  /** What a turn takes in quiet times, and of late. */
  let quietMs = Number.POSITIVE_INFINITY;
  let lateMs = 0;
  let turnsToQuiet = 0;
  let busyTurns = FIRST_BUSY_TURNS;

  function hasRoom(): boolean {
    return going < (quiet === undefined ? Math.floor(limit) : least);
  }

  function letBegin(): void {
    while (hasRoom() && waiting.length > 0) {
      going++;
      waiting.shift()?.();
    }
  }

  /** `seen`: the quiet time in which it began. */
  function learn(tookMs: number, seen: number[] | undefined): void {
    if (quiet !== undefined) {
      if (seen === quiet && quiet.push(tookMs) === QUIET_TURNS) {
        lateMs = quiet.reduce((sum, ms) => sum + ms, 0) / QUIET_TURNS;
        // In a quiet time others may be busy (another group, who posts), on the same processors.
        quietMs = Math.min(lateMs, quietMs * (1 + FORGOTTEN));
        turnsToQuiet = busyTurns;
        busyTurns = Math.min(2 * busyTurns, MAX_BUSY_TURNS);
        quiet = undefined;
      }
      return;
    }
    lateMs += (tookMs - lateMs) * WEIGHT;
    const wait = limit * (1 - quietMs / lateMs);
    if (wait < FEW && waiting.length > 0) limit += STEP;
    else if (wait > MANY) limit -= STEP;
    limit = Math.max(least, Math.min(limit, most));
    if (--turnsToQuiet === 0) quiet = [];
  }

  function newTurn(): Turn {
    const beganMs = time.elapsed();
    const seen = quiet;
    let counts = true;
    const callOff = time.after(LONGEST_MS, release);
    function release(): void {
      callOff();
      if (!counts) return;
      counts = false;
      going--;
      letBegin();
    }
    return {
      release,
      end(isDone) {
        if (counts && isDone) learn(time.elapsed() - beganMs, seen);
        release();
      },
    };
  }

  return {
    async begin() {
      if (hasRoom() && waiting.length === 0) going++;
      else await new Promise<void>((resolve) => void waiting.push(resolve));
      return newTurn();
    },
  };
}
