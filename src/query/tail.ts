// Following what happens from now on: each delivery, or log, as the read models have it once something has happened to it.

import type { EventOf, EventType, Topic } from '../events.ts';
import type { Log, Position } from '../log/log.ts';
import { NotFound } from './errors.ts';
import type { Queries } from './queries.ts';
import type { Item } from './shapes.ts';

/** What can be followed, by its name as a resource. */
export type Tailed = 'deliveries' | 'logs';

/** An item of what is followed is due after events of these types. */
interface Tail<T extends Topic> {
  topic: T;
  types: readonly EventType[];
  /** Of the item that an event tells of. */
  idOf(event: EventOf<T>): string | undefined;
}

const DELIVERIES: Tail<'outbound'> = {
  topic: 'outbound',
  types: ['WebhookOmitted', 'AttemptFailed', 'WebhookProcessed', 'WebhookFailed'],
  idOf: (event) => ('webhookId' in event ? event.webhookId : undefined),
};

const LOGS: Tail<'organizations'> = {
  topic: 'organizations',
  types: ['LogRecorded'],
  idOf: (event) => (event.type === 'LogRecorded' ? event.logId : undefined),
};

export interface TailOptions {
  log: Pick<Log, 'ends' | 'follow'>;
  queries: Pick<Queries, 'show'>;
  /** Whether the read models have what stands at these positions, after some time at most. */
  reached(positions: readonly Position[]): Promise<boolean>;
  /** Ends it, without an error. */
  signal: AbortSignal;
}

/** What comes from the moment on at which this resolves. Rejects with LogUnavailable, and so does reading on. */
export async function tail(what: Tailed, options: TailOptions): Promise<AsyncGenerator<Item>> {
  return what === 'logs' ? following(what, LOGS, options) : following(what, DELIVERIES, options);
}

async function following<T extends Topic>(
  what: Tailed,
  { topic, types, idOf }: Tail<T>,
  { log, queries, reached, signal }: TailOptions,
): Promise<AsyncGenerator<Item>> {
  const from = { ...(await log.ends(topic)) };

  /** Undefined: it is there no longer, or we are to end. */
  async function itemAt(id: string, position: Position): Promise<Item | undefined> {
    while (!signal.aborted) {
      // Before, it may be there as it was.
      if (!(await reached([position]))) continue;
      try {
        return await queries.show(what, id);
      } catch (error) {
        if (!(error instanceof NotFound)) throw error;
        return undefined;
      }
    }
    return undefined;
  }

  return (async function* () {
    for await (const { events } of log.follow(topic, { from, types, signal })) {
      const last = events.at(-1);
      if (last === undefined) continue;
      const ids = new Set(events.map(({ event }) => idOf(event)).filter((id) => id !== undefined));
      for (const id of ids) {
        const item = await itemAt(id, last);
        if (signal.aborted) return;
        if (item !== undefined) yield item;
      }
    }
  })();
}
