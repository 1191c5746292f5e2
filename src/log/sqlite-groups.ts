// Groups on SQLite: who owns which partition. The newest member takes all of them; its epoch, one more than that of
// the member before, stands beside the group's position, and a commit under an older epoch changes nothing.

import type { DatabaseSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import { Fenced, type Group, type Membership, type Partition } from './log.ts';
import { createNews } from './news.ts';
import type { Reader } from './sqlite-reader.ts';
import type { Writer } from './sqlite-writer.ts';

export interface Groups {
  join<T extends Topic>(group: Group, topic: T, work: (partition: Partition<T>) => Promise<void>): Membership;
  positions(group: Group, topic: Topic, partitions: number): number[];
  /** Lets go of partitions that have a newer owner in another process. */
  checkFences(): void;
  close(): Promise<void>;
}

interface GroupsOptions {
  db: DatabaseSync;
  reader: Reader;
  writer: Writer;
  /** Calls back whenever the log may have grown, until the returned function is called. */
  listen(listener: () => void): () => void;
}

/** One partition that this process owns, or has owned. */
interface Ownership {
  group: Group;
  topic: Topic;
  index: number;
  epoch: number;
  losing: AbortController;
}

export function createGroups({ db, reader, writer, listen }: GroupsOptions): Groups {
  const ownerships = new Set<Ownership>();
  const memberships = new Set<Membership>();
  const stored = db.prepare(
    'SELECT epoch, "offset" FROM positions WHERE "group" = ? AND topic = ? AND partition = ?',
  );

  async function own<T extends Topic>(
    topic: T,
    ownership: Ownership,
    position: number,
    work: (partition: Partition<T>) => Promise<void>,
  ): Promise<void> {
    const { losing, group, index, epoch } = ownership;
    const lost = losing.signal;
    const news = createNews();
    let woken = false;
    let at = position;
    const stopListening = listen(news.raise);
    lost.addEventListener('abort', news.raise);
    ownerships.add(ownership);
    try {
      await work({
        topic,
        index,
        lost,
        async next(max) {
          while (!lost.aborted) {
            const end = writer.endOf(topic, index);
            if (at < end) {
              const { events, next } = reader.select(topic, { partition: index, from: at, end, max });
              at = next;
              if (events.length > 0) return events;
            }
            if (woken) break;
            await news.heard();
          }
          woken = false;
          return [];
        },
        wake() {
          woken = true;
          news.raise();
        },
        async commit(out, upTo) {
          if (lost.aborted) throw new Fenced(group, topic, index);
          await writer.write(out, { group, topic, partition: index, epoch, upTo });
        },
      });
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
    } finally {
      ownerships.delete(ownership);
      stopListening();
      lost.removeEventListener('abort', news.raise);
    }
  }

  return {
    join(group, topic, work) {
      for (const older of ownerships)
        if (older.group === group && older.topic === topic) older.losing.abort();
      const losing = new AbortController();
      const runs = writer
        .claim(group, topic)
        .map(({ epoch, position }, index) =>
          own(topic, { group, topic, index, epoch, losing }, position, work),
        );
      const ended = Promise.all(runs).then(() => undefined);
      // A failure is told by `ended`; if nobody looks at that, close() still must not be an unhandled rejection.
      ended.catch(() => {});
      const membership = {
        ended,
        async close() {
          losing.abort();
          await Promise.allSettled(runs);
          memberships.delete(membership);
        },
      };
      memberships.add(membership);
      return membership;
    },
    positions: (group, topic, partitions) =>
      Array.from({ length: partitions }, (_, index) => Number(stored.get(group, topic, index)?.offset ?? 0)),
    checkFences() {
      for (const { group, topic, index, epoch, losing } of ownerships) {
        if (Number(stored.get(group, topic, index)?.epoch) !== epoch) losing.abort();
      }
    },
    async close() {
      await Promise.all([...memberships].map((membership) => membership.close()));
    },
  };
}
