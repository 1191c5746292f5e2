// The recorder's loop: reads topic inbound, and writes to topic organizations what each inbound webhook has
// become. Each becomes exactly one event, as the event and the position behind it are committed in one step.
// What it becomes is decided in record.ts.

import type { Logger } from 'pino';
import type { Log, Membership, StoredEvent } from '../log/log.ts';
import { patiently } from '../log/patience.ts';
import type { Time } from '../time.ts';
import { record } from './record.ts';

const MAX_BATCH_EVENTS = 500;
/** Bodies a commit: bounds its transaction, and how long nothing else in the process can run (500 usual events: 8 ms). */
const MAX_COMMIT_BYTES = 1024 * 1024;

export interface RecorderOptions {
  log: Pick<Log, 'join'>;
  time: Time;
  logger: Pick<Logger, 'warn'>;
}

/**
 * Starts to record, on each partition of topic inbound that this process comes to own. The membership's `ended`
 * rejects only for a bug; a log that is unavailable is waited for.
 */
export function startRecorder({ log, time, logger }: RecorderOptions): Membership {
  return log.join('recorder', 'inbound', async (partition) => {
    const available = patiently({
      group: 'recorder',
      partition,
      time,
      onUnavailable: (err) =>
        logger.warn({ err, partition: partition.index }, 'the log is unavailable, recording waits for it'),
    });
    while (!partition.lost.aborted) {
      const batch = await available(() => partition.next(MAX_BATCH_EVENTS));
      for (const portion of portions(batch)) {
        if (partition.lost.aborted) return;
        const nowMs = time.now();
        // What comes with an import was recorded where it comes from.
        const own = portion.events.filter(({ event }) => !event.imported);
        const out = own.map(({ event, partition: from, offset }) =>
          record(event, { nowMs, partition: from, offset }),
        );
        await available(() => partition.commit(out, portion.upTo));
      }
    }
  });
}

interface Portion {
  events: StoredEvent<'inbound'>[];
  /** The position behind them. */
  upTo: number;
}

/** `batch`, in order, in portions of MAX_COMMIT_BYTES, or one event where that alone has more. */
function portions(batch: readonly StoredEvent<'inbound'>[]): Portion[] {
  const all: Portion[] = [];
  let bytes = 0;
  for (const stored of batch) {
    const last = all.at(-1);
    bytes += stored.event.body.length;
    if (last === undefined || bytes > MAX_COMMIT_BYTES) {
      all.push({ events: [stored], upTo: stored.offset + 1 });
      bytes = stored.event.body.length;
    } else {
      last.events.push(stored);
      last.upTo = stored.offset + 1;
    }
  }
  return all;
}
