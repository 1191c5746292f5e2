// The views port: the store of read models. Engines: sqlite.ts, mongo.ts.
//
//   view       a named collection of documents, declared by a projection
//   document   fields by name, JSON values; `id` names it, ids sort by time
//   patch      a change of one document, caused by one event of the log
//   shadow     a second copy of a view, filled beside the live one, that can take its place
//
// Guarantees of every engine: a patch is applied once: each document remembers, for each topic, the offset it
// has seen, and a patch from an event at or before it is no change. apply() is atomic for each document, and
// moves positions only after its patches. Documents are the same, byte for byte as canonical JSON, however
// often and in whatever batches their events came. Views can be lost: they are rebuilt from the log.

import type { Topic } from '../events.ts';
import type { Prefix } from '../ids.ts';
import type { Offsets, Position } from '../log/log.ts';
import type { Claims } from './claims.ts';

/** A JSON value. Fields that are absent and fields that are null are the same: null. */
export type Value = string | number | boolean | null | readonly Value[] | { [key: string]: Value };
export type Fields = Record<string, Value>;

/** A document as it is read: its id and its fields. */
export type Document = Fields & { id: string };

/** What a declaration says of a view that is history. */
export interface History {
  /** Of the ids of its documents, behind which a ULID stands. */
  prefix: Prefix;
  /** The fields that are payload; `attempts.responseBody`: that of each entry of a map. No query looks at them. */
  payload: readonly string[];
  /** For how long documents are kept, in ms, whatever the store is told; missing: as it is told. */
  keptMs?: number;
}

/** A value that most documents have. Text that becomes part of SQL: letters, digits and dots. */
export type Usual = string | number;

/** An index of a view, as an engine has it: finds the documents that are asked for by the values of all its fields. */
export interface ViewIndex {
  fields: readonly string[];
  /** So many of them, the first ones, hold each other, and tell no more than the last of these alone. */
  nested: number;
  /** The values by which little is found, of its fields that have such. */
  usual: Readonly<Record<string, readonly Usual[]>>;
  /** It does not have the documents with one of those. */
  partial: boolean;
}

/** A view as its projection declares it. */
export interface ViewDefinition {
  name: string;
  /** Grows whenever the projection changes what it makes of the same events: the view is then rebuilt. */
  version: number;
  /** The topics it is made from. */
  topics: readonly Topic[];
  /** Fields by which documents are found: with `id` behind each, for pages. `['organizationId', 'status']`. */
  indexes: readonly (readonly string[])[];
  /**
   * Fields in indexes that many documents lack, and that are looked for by value alone: an engine may leave a document
   * that lacks one out of the indexes with it, so that it costs no write there.
   */
  sparse?: readonly string[];
  /**
   * Values that most documents have in a field of an index, by field: where nothing is wrong, or rare. An engine may leave a
   * document with one of them out of the indexes that have the field behind another one, and of all with it if it is sparse.
   */
  usual?: Readonly<Record<string, readonly Usual[]>>;
  /**
   * Fields of indexes that hold each other, the outermost first: what has a value of a later one has always the same of those
   * before it, as an endpoint is of one organization. Of indexes that differ only in which of them they begin with, an engine
   * may keep one, of all of them, and put the lists of an outer one together from those of the innermost: one write for several.
   */
  nested?: readonly string[];
  /** What is kept for a while only, if the store is told so (see retention.ts); missing: documents are kept for ever. */
  history?: History;
}

/**
 * A change of one document, made out of the event at `cause`. The document is made if it is not there.
 * Within one topic the order of events counts; what two topics write must commute, which is what setOnce, max,
 * min and put into different keys are for.
 */
export interface Patch {
  view: string;
  id: string;
  cause: Position;
  /** Fields to set. */
  set?: Fields;
  /** Fields to set where they are null. */
  setOnce?: Fields;
  /** Fields to raise to this number, or text, if they are null or less. */
  max?: Record<string, number | string>;
  /** Fields to lower to this number, or text, if they are null or greater. */
  min?: Record<string, number | string>;
  /** Entries to put into fields that are maps: field → key → value; another value under the key is replaced. */
  put?: Record<string, Record<string, Value>>;
  /**
   * Numbers to raise by one, each for something that is counted once: only where `upTo` is greater than what the map
   * `seen` holds under `key`, which it then holds. What comes again is no greater. Null: each time.
   */
  count?: Record<string, { seen: string; key: string; upTo: number } | null>;
}

/** One condition on a field. Values compare as JSON values of the same type do; null is matched by `eq` alone. */
export type Condition =
  | { field: string; eq: string | number | boolean | null }
  | { field: string; in: readonly (string | number)[] }
  | { field: string; prefix: string }
  /** `from` ≤ value < `to`. */
  | { field: string; from?: string | number; to?: string | number };

export interface Query {
  /** All of them must hold. */
  where?: readonly Condition[];
  /** Documents a page, 1 to 1,000. */
  limit: number;
  /** Only documents with ids less than this one: the last id of the page before. */
  before?: string;
  /**
   * Not by id but by this field, greatest first, documents of one value by id; those without it are not found. Its
   * values are all numbers or all texts. Only documents after `after` in this order, if it is given.
   */
  order?: { field: string; after?: { value: string | number; id: string } };
}

/** What a view has taken in: for each topic, for each partition, the offset it reads next. */
export type ViewPositions = Readonly<Partial<Record<Topic, Offsets>>>;

/** Patches for any of the views, and how far their topics have been read when they are applied. */
export interface ViewBatch {
  patches: readonly Patch[];
  /** For partitions that have been read, the offset to read next; for all views made from the topic. */
  positions: readonly Position[];
  /** By topic, the greatest time of the events that were read, in ms since 1970; missing, or 0: none of them has one. */
  newestAtMs?: Readonly<Partial<Record<Topic, number>>>;
}

export interface Views {
  /**
   * Applies the patches, moves the positions and what is kept on (never back), in one step. What is too old to be kept is
   * in no answer from then on. Rejects with ViewsUnavailable.
   */
  apply(batch: ViewBatch): Promise<void>;

  /** What the view has taken in. */
  positions(view: string): Promise<ViewPositions>;

  /**
   * By which fields together documents of what is served of the view are found without a search, in the order in which it was
   * declared. As far as it is known here: what another process has just swapped in may have others.
   */
  indexes(view: string): readonly ViewIndex[];

  get(view: string, id: string): Promise<Document | undefined>;

  /** The documents that meet all conditions, newest (greatest id) first. */
  find(view: string, query: Query): Promise<Document[]>;

  /** The document that meets all conditions and has the least id: the oldest. */
  first(view: string, where?: readonly Condition[]): Promise<Document | undefined>;

  /** How many documents meet all conditions; with `atMost`, those beyond are not looked for, and not counted. */
  count(view: string, where?: readonly Condition[], atMost?: number): Promise<number>;

  /** Every document with what it has seen, least id first, in batches: to compare two views. */
  scan(view: string): AsyncIterable<ScannedDocument[]>;

  /**
   * Begins an empty shadow of the view; one that was left behind by a dead process is dropped. Rejects with
   * RebuildRuns while somebody else fills one: whoever has been heard of within `deadAfterMs` (default 30 s) is alive.
   * It keeps its documents as the store is told to; `likeLive`: as the live view does, so that they can be compared.
   */
  shadow(view: string, options?: ShadowOptions): Promise<Shadow>;

  /**
   * Whether what is served of the view was made by an older version of it than the declared one, leaves other documents out of
   * its indexes than it would now, or has lost what is to be kept by now.
   */
  isOutdated(view: string): Promise<boolean>;

  /**
   * Frees a bounded part of the room of what is too old to be kept; by the retention that the store is told from now on,
   * should that have become shorter. Whether there may be more.
   */
  sweep(view: string): Promise<boolean>;

  /**
   * What was made before this time is in no answer any more, of a view that is history: the log has forgotten it. It holds
   * for every copy of the view, also one that is just being filled, and never goes back.
   */
  forget(view: string, beforeMs: number): Promise<void>;

  /** Bytes on disk, all views together. */
  size(): Promise<number>;

  /** Who does what under a key that is to be done once: see claims.ts. */
  readonly claims: Claims;

  close(): Promise<void>;
}

/** A document with, for each topic, the offset that it has seen. */
export interface ScannedDocument {
  document: Document;
  seen: Partial<Record<Topic, number>>;
}

export interface ShadowOptions {
  deadAfterMs?: number;
  likeLive?: boolean;
}

/** How long somebody who fills a shadow may be silent before he counts as dead, unless it is said. */
export const DEAD_AFTER_MS = 30_000;
/** How often he is heard of, at the most, as long as he applies, scans or asks for positions. */
export const HEARD_EVERY_MS = 2_000;

/**
 * A view being rebuilt beside the live one, which nobody sees until it takes its place. Whatever is done with it tells
 * others that its maker lives.
 */
export interface Shadow {
  apply(batch: ViewBatch): Promise<void>;
  positions(): Promise<ViewPositions>;
  scan(): AsyncIterable<ScannedDocument[]>;
  /** Takes the live view's place in one step. False, and no change, while the live view has read further. */
  swap(): Promise<boolean>;
  drop(): Promise<void>;
}

/** What can be told of a store of views without changing anything in it. */
export interface ViewsLook {
  /** By view, the version that is served; none: nothing was made there yet. */
  versions: ReadonlyMap<string, number>;
  /** What it is, for people: `MongoDB 8.0.4`; undefined: files of ours. */
  server: string | undefined;
  /** What the server's clock showed; undefined: there is none, or it does not say. */
  serverAtMs: number | undefined;
}

/** The store cannot be written or read at the moment. Try again later. */
export class ViewsUnavailable extends Error {
  readonly code = 'VIEWS_UNAVAILABLE';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ViewsUnavailable';
  }
}

/** Somebody else rebuilds the view at this moment. Try again when that is done. */
export class RebuildRuns extends Error {
  readonly code = 'REBUILD_RUNS';
  constructor(view: string, silentMs: number) {
    const heard = `last heard of ${(Math.max(0, silentMs) / 1_000).toFixed(1)} s ago`;
    super(`${view} is being rebuilt by another process, ${heard}; try again when it is done, or has died`);
    this.name = 'RebuildRuns';
  }
}

/** What is there is not a store of views, or is corrupt. For people. */
export class ViewsRefused extends Error {
  readonly code = 'VIEWS_REFUSED';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ViewsRefused';
  }
}
