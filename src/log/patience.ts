// Working on a partition however long the log is away: what the loops of the recorder and the dispatcher share.

import type { Topic } from '../events.ts';
import type { Time } from '../time.ts';
import { Fenced, type Group, LogUnavailable, type Partition } from './log.ts';
import { pause } from './pause.ts';

/** The first pause before another try, which doubles each time, and the longest. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

export interface PatienceOptions {
  group: Group;
  partition: Pick<Partition<Topic>, 'lost' | 'topic' | 'index'>;
  time: Time;
  /** Is told once, each time the log goes away. */
  onUnavailable: (error: LogUnavailable) => void;
}

/**
 * Gives a function that does work, again and again while the log is unavailable. It throws Fenced when the partition is
 * lost meanwhile: the port takes that for the end of the work on it. Other errors leave as they are.
 */
export function patiently({ group, partition, time, onUnavailable }: PatienceOptions) {
  const { lost, topic, index } = partition;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        if (pauseMs === FIRST_PAUSE_MS) onUnavailable(error);
      }
      await pause(pauseMs, lost, time);
      if (lost.aborted) throw new Fenced(group, topic, index);
    }
  };
}
