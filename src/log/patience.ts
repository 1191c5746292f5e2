// Working on a partition however long the log is away: what the loops of the recorder and the dispatcher share.

import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '../events.ts';
import { Fenced, type Group, LogUnavailable, type Partition } from './log.ts';

/** The first pause before another try, which doubles each time, and the longest. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

/**
 * Does `work`, again and again while the log is unavailable; `onUnavailable` is told once. Throws Fenced when the
 * partition is lost meanwhile: the port takes that for the end of the work on it. Other errors leave as they are.
 */
export async function patiently<T>(
  group: Group,
  { lost, topic, index }: Pick<Partition<Topic>, 'lost' | 'topic' | 'index'>,
  onUnavailable: (error: LogUnavailable) => void,
  work: () => Promise<T>,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (pauseMs === FIRST_PAUSE_MS) onUnavailable(error);
    }
    await delay(pauseMs, undefined, { signal: lost }).catch((error: unknown) => {
      throw lost.aborted ? new Fenced(group, topic, index) : error;
    });
  }
}
