// Groups on SQLite: who owns which partition. The newest member takes all of them; its epoch, one more than that of
// the member before, stands beside the group's position, and a commit under an older epoch changes nothing. As one
// process serves a directory, an older member is in this process, and is told at once; or its process has ended.

import type { DatabaseSync } from 'node:sqlite';
import type { Topic } from '../events.ts';
import { Fenced, type Group, type Membership, type Partition } from './log.ts';
import { createNews } from './news.ts';
import type { Committer } from './sqlite-committer.ts';
import { reaching } from './sqlite-file.ts';
import type { Reader } from './sqlite-reader.ts';
import type { Writer } from './sqlite-writer.ts';

export interface Groups {
  join<T extends Topic>(group: Group, topic: T, work: Work<T>): Membership;
  /** Throws LogUnavailable. */
  positions(group: Group, topic: Topic, partitions: number): number[];
  close(): Promise<void>;
}

type Work<T extends Topic> = (partition: Partition<T>) => Promise<void>;

interface GroupsOptions {
  db: DatabaseSync;
  reader: Pick<Reader, 'select'>;
  committer: Committer;
  writer: Writer;
  /** Calls back whenever the log may have grown, until the returned function is called. */
  listen(listener: () => void): () => void;
}

/** One partition that a member owns, or has owned. */
interface Ownership<T extends Topic> {
  group: Group;
  topic: T;
  index: number;
  epoch: number;
  /** From where it reads on. */
  position: number;
  /** Shared by all partitions of the member: they are lost together. */
  losing: AbortController;
}

export function createGroups({ db, reader, committer, writer, listen }: GroupsOptions): Groups {
  const memberships = new Set<Membership>();
  /** By group and topic: what ends the newest member's ownership. */
  const newest = new Map<string, AbortController>();
  const stored = db.prepare(
    'SELECT "offset" FROM positions WHERE "group" = ? AND topic = ? AND partition = ?',
  );

  async function own<T extends Topic>(ownership: Ownership<T>, work: Work<T>): Promise<void> {
    const { losing, group, topic, index, epoch } = ownership;
    const lost = losing.signal;
    const news = createNews();
    let woken = false;
    let at = ownership.position;
    const stopListening = listen(news.raise);
    lost.addEventListener('abort', news.raise);
    try {
      await work({
        topic,
        index,
        position: ownership.position,
        lost,
        async next(max) {
          for (;;) {
            const end = committer.endOf(topic, index);
            if (max > 0 && at < end && !lost.aborted) {
              const { events, next } = reader.select(topic, { partition: index, from: at, end, max });
              at = next;
              if (events.length > 0) {
                woken = false;
                return events;
              }
            }
            if (woken || lost.aborted) break;
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
      // Whatever leaves the work ends the whole membership: half a member would leave partitions to nobody.
      losing.abort();
      if (!(error instanceof Fenced)) throw error;
    } finally {
      stopListening();
      lost.removeEventListener('abort', news.raise);
    }
  }

  return {
    join(group, topic, work) {
      const claims = committer.claim(group, topic);
      const losing = new AbortController();
      newest.get(`${group} ${topic}`)?.abort();
      newest.set(`${group} ${topic}`, losing);
      const runs = claims.map((claim, index) => own({ group, topic, index, ...claim, losing }, work));
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
      reaching(() =>
        Array.from({ length: partitions }, (_, index) =>
          Number(stored.get(group, topic, index)?.offset ?? 0),
        ),
      ),
    async close() {
      await Promise.all([...memberships].map((membership) => membership.close()));
    },
  };
}
