// How far somebody who reads a topic is behind its end, in events and in time. Offsets tell neither: between events lie
// holes and, on Kafka, marks of transactions. So the first events that are still to be read are looked at.

import { atMsOf, type Topic } from '../events.ts';
import type { Log, Offsets } from '../log/log.ts';
import { takeUntil } from './take.ts';

export interface Lag {
  /** Events that are still to be read. */
  lag: number;
  /** Whether `lag` was counted; else it is what offsets say, and more than there are. */
  exact: boolean;
  /** When the oldest of them came, in milliseconds since 1970; null: there is none, or it could not be read in time. */
  oldestAtMs: number | null;
}

/** Events of a partition that are looked at. */
const SAMPLE_EVENTS = 200;

const NO_LAG: Lag = { lag: 0, exact: true, oldestAtMs: null };

/** Lags behind the ends of topics as they are when this is called; nothing is read later than `untilMs`. */
export interface Lags {
  /** Of who goes on from these offsets. */
  behind(topic: Topic, from: Offsets): Promise<Lag>;
  ends(topic: Topic): Promise<readonly number[]>;
}

export function createLags(log: Pick<Log, 'ends' | 'read'>, untilMs: number): Lags {
  const ends = new Map<Topic, Promise<readonly number[]>>();
  /** Most readers stand at the same place. */
  const known = new Map<string, Promise<Lag>>();

  function endsOf(topic: Topic): Promise<readonly number[]> {
    const found = ends.get(topic) ?? log.ends(topic);
    ends.set(topic, found);
    return found;
  }

  async function look(topic: Topic, partition: number, { from, end }: { from: number; end: number }) {
    const lag: Lag = { lag: 0, exact: false, oldestAtMs: null };
    const source = log.read(topic, { from: { [partition]: from }, partition, batch: SAMPLE_EVENTS });
    const inTime = await takeUntil(source, untilMs, ({ events, next }) => {
      const [first] = events;
      if (first !== undefined) lag.oldestAtMs ??= atMsOf(first.event);
      lag.lag += events.length;
      lag.exact = next >= end;
      return lag.lag >= SAMPLE_EVENTS || lag.exact ? 'enough' : undefined;
    });
    // A reading that has come to its end has read all there was, whatever was in the last batch.
    if (lag.exact || (inTime && lag.lag < SAMPLE_EVENTS)) return { ...lag, exact: true };
    return { ...lag, lag: end - from };
  }

  return {
    ends: endsOf,
    async behind(topic, from) {
      const lags: Lag[] = [];
      for (const [partition, end] of (await endsOf(topic)).entries()) {
        const at = from[partition] ?? 0;
        if (at >= end) continue;
        const key = `${topic}/${partition}/${at}`;
        const found = known.get(key) ?? look(topic, partition, { from: at, end });
        known.set(key, found);
        lags.push(await found);
      }
      return together(lags);
    },
  };
}

/** The lag of who reads all of it. */
export function together(lags: readonly Lag[]): Lag {
  return lags.reduce(
    (sum, { lag, exact, oldestAtMs }) => ({
      lag: sum.lag + lag,
      exact: sum.exact && exact,
      oldestAtMs: earlier(sum.oldestAtMs, oldestAtMs),
    }),
    NO_LAG,
  );
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}
