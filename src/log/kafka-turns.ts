// How many partitions a process works on at once, all its groups together. A transaction costs the broker about the same whatever is in it:
// where processors are short, sixteen small ones at once take as long as sixteen one after the other, and while a partition waits
// for its turn more comes together for it. Where a transaction takes its time whatever else goes on (brokers far away, many
// cores), to wait would gain nothing. Which of the two it is shows in whether turns take longer the more of them go on. So, as
// congestion control does it (TCP Vegas; the quiet times are BBR's): now and then few go on, for a while, to see what a turn takes;
// and from how much longer it takes with more, it follows how many of them only wait for each other.
// A turn with much to do is worth its transaction, and says nothing; one that takes long, as a broker hangs, holds up nobody.

import { SYSTEM, type Time } from '../time.ts';

/** Turns at once, in quiet times: while one of them is at the broker, another is decided. */
const LEAST = 2;
/** How many turns a quiet time has; and the time from one to the next, twice as many each time, as what has just begun is slow. */
const QUIET_TURNS = 8;
const FIRST_BUSY_TURNS = 16;
const MAX_BUSY_TURNS = 1_024;
/** But no longer than this: what a turn takes may have changed for good, as a broker is another one. */
const MAX_BUSY_MS = 10_000;
/** Of so many quiet times the quietest counts: in some others may be busy (another process, who posts), on the same processors. */
const QUIET_TIMES = 4;
/** Turns that only wait for each other: with fewer, more may go on; with more, fewer. */
const FEW = 1;
const MANY = 2;
/** By how much it changes with each turn how many may go on. */
const STEP = 0.5;
/** How much the newest turn counts in what one takes. */
const WEIGHT = 1 / 8;
/** A turn that has gone on for so long holds up nobody any more. */
const LONGEST_MS = 100;

export interface Turns {
  /** Resolves when one more turn may begin; to undefined when `leaving` is aborted before. */
  begin(leaving: AbortSignal): Promise<Turn | undefined>;
}

export interface Turn {
  /** It goes on with much to do: it is not to hold up others, and what it takes says nothing. */
  release(): void;
  /** It is over. `isDone`: what was to be done was done, so that what it took says something. */
  end(isDone: boolean): void;
}

/** `most`: turns at once, of all groups together. */
export function createTurns(most: number, time: Pick<Time, 'elapsed' | 'after'> = SYSTEM): Turns {
  const waiting = new Set<() => void>();
  const least = Math.min(LEAST, most);
  let going = 0;
  /** How many may go on when it is not quiet. */
  let limit = Math.min(2 * LEAST, most);
  /** What turns of this quiet time have taken; undefined: it is none. */
  let quiet: number[] | undefined = [];
  /** What a turn took in the last quiet times, and takes of late. */
  let quietTimesMs: number[] = [];
  let lateMs = 0;
  let turnsToQuiet = 0;
  let quietAtMs = 0;
  let busyTurns = FIRST_BUSY_TURNS;

  function hasRoom(): boolean {
    return going < (quiet === undefined ? Math.floor(limit) : least);
  }

  function letBegin(): void {
    for (const begin of waiting) {
      if (!hasRoom()) return;
      waiting.delete(begin);
      going++;
      begin();
    }
  }

  /** `seen`: the quiet time in which it began. */
  function learn(tookMs: number, seen: number[] | undefined): void {
    if (quiet !== undefined) {
      if (seen === quiet && quiet.push(tookMs) === QUIET_TURNS) endQuietTime(quiet);
      return;
    }
    lateMs += (tookMs - lateMs) * WEIGHT;
    const wait = limit * (1 - Math.min(...quietTimesMs) / lateMs);
    if (wait < FEW && waiting.size > 0) limit += STEP;
    else if (wait > MANY) limit -= STEP;
    limit = Math.max(least, Math.min(limit, most));
    if (--turnsToQuiet === 0 || time.elapsed() >= quietAtMs) quiet = [];
  }

  function endQuietTime(turnsMs: readonly number[]): void {
    lateMs = turnsMs.reduce((sum, ms) => sum + ms, 0) / turnsMs.length;
    quietTimesMs = [...quietTimesMs, lateMs].slice(-QUIET_TIMES);
    turnsToQuiet = busyTurns;
    quietAtMs = time.elapsed() + MAX_BUSY_MS;
    busyTurns = Math.min(2 * busyTurns, MAX_BUSY_TURNS);
    quiet = undefined;
  }

  /** Its place has been taken. */
  function newTurn(): Turn {
    const beganMs = time.elapsed();
    const seen = quiet;
    let holdsPlace = true;
    let says = true;
    const callOff = time.after(LONGEST_MS, letOthers);
    function letOthers(): void {
      callOff();
      if (!holdsPlace) return;
      holdsPlace = false;
      going--;
      letBegin();
    }
    return {
      release() {
        says = false;
        letOthers();
      },
      end(isDone) {
        if (says && isDone) learn(time.elapsed() - beganMs, seen);
        says = false;
        letOthers();
      },
    };
  }

  return {
    begin(leaving) {
      if (leaving.aborted) return Promise.resolve(undefined);
      if (hasRoom() && waiting.size === 0) {
        going++;
        return Promise.resolve(newTurn());
      }
      return new Promise((resolve) => {
        const begin = () => {
          leaving.removeEventListener('abort', leave);
          resolve(newTurn());
        };
        const leave = () => {
          waiting.delete(begin);
          resolve(undefined);
        };
        waiting.add(begin);
        leaving.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
