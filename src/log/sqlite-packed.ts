// Writes as they go to the thread that commits them: bytes in one piece, which is handed over and not copied, and numbers in
// one list, as objects are dear to send. Pure.

import { TOPICS, type Topic } from '../events.ts';
import type { Change, Fence, Write } from './sqlite-committer.ts';

export interface PackedWrites {
  /** The data of all changes, one behind the other. */
  bytes: ArrayBuffer;
  /** Of each write: how many changes it has; its fence. */
  counts: number[];
  fences: (Fence | undefined)[];
  /** Of each change: kind, topic, partition, bytes of data. */
  changes: number[];
  /** Of each change in the compacted topic. */
  keys: string[];
}

const KINDS = ['append', 'replace', 'remove'] as const;
const NUMBERS = 4;

export function pack(writes: readonly Write[]): PackedWrites {
  const all = writes.flatMap(({ changes }) => changes);
  const bytes = new Uint8Array(new ArrayBuffer(all.reduce((sum, change) => sum + bytesOf(change), 0)));
  const changes: number[] = [];
  const keys: string[] = [];
  let at = 0;
  for (const change of all) {
    const { type, topic, partition } = change;
    changes.push(KINDS.indexOf(type), TOPICS.indexOf(topic), partition, bytesOf(change));
    if (type !== 'append') keys.push(change.key);
    if (type !== 'remove') bytes.set(change.data, at);
    at += bytesOf(change);
  }
  return {
    bytes: bytes.buffer,
    counts: writes.map((write) => write.changes.length),
    fences: writes.map(({ fence }) => fence),
    changes,
    keys,
  };
}

/** The other way round. */
export function unpack({ bytes, counts, fences, changes, keys }: PackedWrites): Write[] {
  let at = 0;
  let from = 0;
  let keyAt = 0;
  const next = (): Change => {
    const [kind = 0, topicAt = 0, partition = 0, length = 0] = changes.slice(at, at + NUMBERS);
    at += NUMBERS;
    const type = KINDS[kind] ?? 'append';
    const topic = TOPICS[topicAt] as Topic;
    const data = new Uint8Array(bytes, from, length);
    from += length;
    if (type === 'append') return { type, topic: topic as Exclude<Topic, 'lanes'>, partition, data };
    const key = keys[keyAt++] ?? '';
    return type === 'remove'
      ? { type, topic: 'lanes', partition, key }
      : { type, topic: 'lanes', partition, key, data };
  };
  return counts.map((count, i) => ({ fence: fences[i], changes: Array.from({ length: count }, next) }));
}

function bytesOf(change: Change): number {
  return change.type === 'remove' ? 0 : change.data.length;
}
