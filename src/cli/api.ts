// What commands ask and change, wherever it is: in the stores of the configured data directory (local-api.ts), or, with
// --url or HOOKLANE_URL, at a server somewhere else (remote-api.ts).

import type { Operation } from '../command/admin/operations.ts';
import type { Missed, Recovered } from '../command/admin/recover.ts';
import type { KeyRing } from '../command/key-ring.ts';
import type { ReplayedView, ReplayOptions } from '../projections/replay.ts';
import type { NamedKind } from '../query/filters.ts';
import type { Filters, Page, Stats } from '../query/queries.ts';
import type { ResourceName } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import type { Tailed } from '../query/tail.ts';
import type { ExportOptions } from '../transfer/export.ts';
import type { Counts } from '../transfer/format.ts';

export interface Api {
  /** Throws InvalidQuery, or NotFound for names of nothing. */
  list(resource: ResourceName, filters: Filters): Promise<Page>;
  groups(filters: Filters): Promise<Page>;
  stats(filters: Filters): Promise<Stats>;
  audit(filters: Filters): Promise<Page>;
  /** Throws NotFound. */
  show(resource: ResourceName, idOrName: string): Promise<Item>;
  /** The id of what is named. Throws NotFound, or InvalidQuery if several have the name. */
  resolve(kind: NamedKind, idOrName: string): Promise<string>;
  /** Makes a change, and resolves to its answer once it is durable. Throws InvalidInput and what deciding throws. */
  perform(operation: Operation): Promise<object>;
  /** Makes deliveries pending again, all of them or none. */
  retry(ids: readonly string[]): Promise<object[]>;
  /** Makes pending again what an endpoint missed, a bounded number of the oldest at a time. */
  recover(missed: Missed): Promise<Recovered>;
  /** Whether a server runs that sends. */
  served(): Promise<boolean>;
  /** What happens from the moment on at which this resolves, until `signal` is aborted. */
  tail(what: Tailed, signal: AbortSignal): Promise<AsyncIterable<Item>>;
  /** Rebuilds read models from the log, or compares them with it. See projections/replay.ts. */
  replay(
    asked: { views: string[]; verify: boolean },
    io: Pick<ReplayOptions, 'onProgress' | 'signal'>,
  ): Promise<readonly ReplayedView[]>;
  /**
   * The log of an organization, piece by piece; it returns what was in it. See transfer/export.ts. `onProgress` is told how
   * much there was so far: events, of how many; or bytes, where nobody knows of how many.
   */
  export(
    organization: ExportOptions['organization'],
    io: { onProgress: (done: number, total?: number) => void; signal: AbortSignal },
  ): AsyncGenerator<string | Buffer, Counts>;
  /** The master keys. */
  keys: KeyRing;
}
