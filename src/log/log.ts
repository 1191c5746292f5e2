// The log port: topics of events, in partitions, and groups that work them off. Engines: sqlite.ts, kafka.ts.
//
//   topic      a named sequence of events, split into partitions by key; one topic is compacted
//   offset     where an event stands in its partition; grows, but may leave holes
//   group      those who share the work on a topic: each partition has one owner in it at a time
//   position   the offset that a group will read next in a partition
//
// Guarantees of every engine: what append() or commit() has resolved for is durable and stays readable in the
// order of its partition; commit() appends its events and moves the position on in one step, or does nothing;
// once a partition has a newer owner, commit() by an older one throws Fenced. Not guaranteed: order across
// partitions or topics, and that a failed append() left nothing behind.

import type { EventOf, EventType, HooklaneEvent, LaneRecord, Topic } from '../events.ts';

/** Those who work a topic off, by name. */
export type Group = 'recorder' | 'dispatcher';

/** Where an event stands. */
export interface Position {
  topic: Topic;
  partition: number;
  offset: number;
}

export interface StoredEvent<T extends Topic = Topic> extends Position {
  topic: T;
  event: EventOf<T>;
}

/** For each partition, by its number, the offset from which to read on; a missing one is read from the start. */
export type Offsets = Readonly<Record<number, number>>;

export interface ReadOptions {
  /** Default: from the start. */
  from?: Offsets;
  /** Only this partition; default: all of them, one after the other. */
  partition?: number;
  /** Only events of these types; others are skipped undecoded. */
  types?: readonly EventType[];
  /** Only events in which this text stands as it is, as every id does; others are skipped undecoded. */
  mentions?: string;
  /** Events a batch at most; default 1,000. */
  batch?: number;
}

/**
 * Some events of one partition, in order. `next` is the offset to read on from: it moves also when `types`
 * let nothing through, so a batch may be empty. `end` is the partition's end when the reading began; of what is followed, when it was
 * read: who comes to it is not behind.
 */
export interface Batch<T extends Topic> {
  topic: T;
  partition: number;
  events: StoredEvent<T>[];
  next: number;
  end: number;
}

export interface Log {
  /** How many partitions each topic has. */
  readonly partitions: number;

  /**
   * Resolves, with where each event stands, once all of them are durable. Rejects with LogUnavailable, or with
   * LogRefused where the log is found to be damaged, and then possibly none, possibly some of them are in the log; with
   * LogBusy, at once, where too much waits already, and then none are. Events must not be changed afterwards.
   */
  append(events: readonly HooklaneEvent[]): Promise<Position[]>;

  /** Whether so much waits to be appended that a large payload would be refused: worth asking before one is read. */
  isFull(): boolean;

  /**
   * Joins a group: runs `work` once for each partition that this process comes to own, until it is lost.
   * `work` returns when `partition.lost` is aborted; Fenced may leave it, anything else it throws fails the
   * membership.
   */
  join<T extends Topic>(group: Group, topic: T, work: (partition: Partition<T>) => Promise<void>): Membership;

  /** Replays a topic without a group, to its end as it was when the reading began. */
  read<T extends Topic>(topic: T, options?: ReadOptions): AsyncIterable<Batch<T>>;

  /**
   * What stands in a partition of the compacted topic under these compaction keys, in no order; undefined: the engine cannot
   * look one up, as Kafka, which only reads on. Where it can, read() gives no record that another one has replaced.
   */
  readonly latest?: (partition: number, keys: readonly string[]) => Promise<LaneRecord[]>;

  /** As read(), then waits for what comes, for ever: until `signal` is aborted, which ends it without an error. */
  follow<T extends Topic>(topic: T, options: ReadOptions & { signal: AbortSignal }): AsyncIterable<Batch<T>>;

  /** For each partition the offset that the next event will get, or more. */
  ends(topic: Topic): Promise<number[]>;

  /** For each partition the position of the group; 0 where it has none. */
  positions(group: Group, topic: Topic): Promise<number[]>;

  /** Whether a process works the log off now, this one or another. */
  served(): Promise<boolean>;

  /** Taking events out of the middle of topics; undefined: the engine cannot, as Kafka, which forgets by time alone. */
  readonly pruning?: Pruning;

  /** Bytes on disk, all topics together. */
  size(): Promise<number>;

  /** Bytes on disk of each topic; undefined where the engine cannot tell without reading all of it, or may not. */
  sizes(): Promise<Readonly<Record<Topic, number>> | undefined>;

  /** Lets all partitions go, waits for the work on them to return, then for what is being written. */
  close(): Promise<void>;
}

/** Offsets stay as they are: what is taken out leaves a hole, or another event in its place. */
export interface Pruning {
  /** Before which time events may have been taken out, in milliseconds since 1970; 0: none were. */
  prunedBeforeMs(): Promise<number>;
  /** Notes that time, never an earlier one: to be called before anything is taken out. */
  begin(beforeMs: number): Promise<void>;
  /**
   * Changes one partition of a topic in one step; resolves to how many bytes of events there are less. Throws
   * RangeError, and changes nothing, for the newest event of the partition: by it the log knows where it ends. What a group
   * has not read yet is not to be changed: a process that has written it itself may give it to the group as it was.
   */
  rewrite(rewrite: Rewrite): Promise<number>;
}

export interface Rewrite {
  topic: Exclude<Topic, 'lanes'>;
  partition: number;
  /** Offsets of events that go; where there is none, nothing goes. */
  remove: readonly number[];
  /** Events that take the place of what stands at these offsets. */
  put: readonly { offset: number; event: Exclude<HooklaneEvent, LaneRecord> }[];
}

export interface Membership {
  /** Settles when the membership has ended: resolves after close(), rejects if `work` failed. */
  readonly ended: Promise<void>;
  /** Aborts `lost` of every partition and waits for their work to return. */
  close(): Promise<void>;
}

/** One partition, as its owner sees it. */
export interface Partition<T extends Topic> {
  readonly topic: T;
  readonly index: number;
  /** The group's position when we became the owner. */
  readonly position: number;
  /** Aborted when the partition belongs to somebody else, or when we are closing. */
  readonly lost: AbortSignal;

  /**
   * The next events, in order, `max` at most. Waits for at least one, until wake() is called or the partition
   * is lost: then it may return none. It reads on from where it ended, at first from `position`. With 0 it does not read, and
   * waits to be woken.
   */
  next(max: number): Promise<StoredEvent<T>[]>;

  /** Lets the pending next(), or else the coming one, return without waiting. */
  wake(): void;

  /**
   * Appends `out` and moves the group's position to `upTo`, both or none. Events of a compacted topic in `out`
   * replace what stands there under the same compaction key. Throws Fenced when there is a newer owner (stop
   * all work on the partition), LogUnavailable when it was not done, or nobody can say (make the same call again,
   * before any other: it is done once), LogRefused when the log is found to be damaged (nothing was changed, and
   * trying again does not help).
   */
  commit(out: readonly HooklaneEvent[], upTo: number): Promise<void>;
}

/** What can be told of brokers and topics without making any. */
export interface LogLook {
  /** How many brokers there are. */
  brokers: number;
  /** Our topics that are there, and those that are not, or that we may not see. */
  there: string[];
  missing: string[];
}

/** The partition has a newer owner; nothing was changed. */
export class Fenced extends Error {
  readonly code = 'FENCED';
  constructor(group: string, topic: string, partition: number) {
    super(`${group} no longer owns partition ${partition} of ${topic}`);
    this.name = 'Fenced';
  }
}

/** The log cannot be written or read at the moment: full disk, missing rights, no broker. Try again later. */
export class LogUnavailable extends Error {
  readonly code = 'LOG_UNAVAILABLE';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogUnavailable';
  }
}

/** The log does not keep up, and too much waits to be appended: nothing was, and nothing is kept. Try again later. */
export class LogBusy extends Error {
  readonly code = 'LOG_BUSY';
  constructor() {
    super('too much waits to be written to the log');
    this.name = 'LogBusy';
  }
}

/** What is there cannot be used as a log, or not now: foreign, corrupt, served by another process. For people. */
export class LogRefused extends Error {
  readonly code = 'LOG_REFUSED';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogRefused';
  }
}
