// What the suites of the log port share: events with a number in them, handles that are closed after the test, and
// members of a group whose partitions the test works off by hand.

import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type {
  EventOf,
  HooklaneEvent,
  LaneSaved,
  PendingSaved,
  RetriedSaved,
  Topic,
} from '../../src/events.ts';
import type { Group, Log, Membership, Partition, ReadOptions, StoredEvent } from '../../src/log/log.ts';
import { waitFor } from '../support/wait.ts';

/** An engine, as the suite has to know it. */
export interface LogEngine {
  /** Whether a log outlives its handles. */
  persistent: boolean;
  /** Whether join() has made its caller the owner of all partitions when it returns. */
  ownsAtOnce: boolean;
  /** Whether sizes() tells the sizes of topics. */
  knowsSizes: boolean;
  /** Whether events can be taken out of topics. */
  prunes: boolean;
  /** Whether latest() tells what stands under a key. */
  looksUp: boolean;
  /** Why it cannot be had here. */
  missing?: string | false;
  /** How to make a log, of one partition, that can be made to stand still; undefined: it always answers. */
  stalling?: { missing?: string | false; newLog(t: TestContext): Promise<Stalling> };
  /** Makes a new and empty log. */
  newLog(t: TestContext, partitions: number): OpenLog;
}

/** A log that can be made to stand still, and to go on. Its handles are closed with the test. */
export interface Stalling {
  open: OpenLog;
  stall(): Promise<void>;
  resume(): Promise<void>;
}

/** Opens one more handle on a log. To `serve` it may join groups, which one handle at a time does. */
export type OpenLog = (how: { serve: boolean }) => Log | Promise<Log>;

export interface Kit {
  engine: LogEngine;
  /** A way to open handles on one new log, of three partitions unless said. */
  logFor(t: TestContext, partitions?: number): OpenLog;
  /** One handle on a new log, that may join groups. */
  servedLog(t: TestContext, partitions?: number): Promise<Log>;
  it(what: string, body: (t: TestContext) => Promise<void>, skip?: string | false): void;
}

export function createKit(name: string, engine: LogEngine): Kit {
  function logFor(t: TestContext, partitions = 3): OpenLog {
    const handles: Log[] = [];
    t.after(() => Promise.all(handles.map((handle) => handle.close())));
    const open = engine.newLog(t, partitions);
    return async (how) => {
      const handle = await open(how);
      handles.push(handle);
      return handle;
    };
  }
  return {
    engine,
    logFor,
    servedLog: async (t, partitions) => logFor(t, partitions)({ serve: true }),
    it(what, body, skip = false) {
      test(`${name}: ${what}`, { skip: engine.missing || skip }, body);
    },
  };
}

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Number `atMs` of an organization, in topic organizations. */
export function changed(organization: string, atMs: number) {
  const said = { atMs, name: 'n', by: null };
  return { type: 'OrganizationChanged', organizationId: `org_${organization}`, ...said } as const;
}

/** Number `atMs` of an organization, in topic outbound. */
export function started(organization: string, atMs: number) {
  const ids = { webhookId: 'wh_1', endpointId: 'ep_1', organizationId: `org_${organization}` } as const;
  return { type: 'AttemptStarted', ...ids, attempt: 1, atMs, startsAtMs: null, host: null } as const;
}

/** A lane that has `seen` so much. */
export function lane(organization: string, seen: number): LaneSaved {
  return {
    type: 'LaneSaved',
    organizationId: `org_${organization}`,
    seen,
    inboundSeen: {},
    secret: null,
    endpoints: [],
    retried: {},
    importing: null,
  };
}

/** A webhook that is pending and due at `dueAtMs`. */
export function pending(organization: string, webhook: string, dueAtMs: number): PendingSaved {
  return {
    type: 'PendingSaved',
    webhookId: `wh_${webhook}`,
    organizationId: `org_${organization}`,
    endpointId: 'ep_1',
    eventId: 'evt_1',
    kind: 'k',
    attempt: 0,
    failures: 0,
    retried: false,
    startedAtMs: null,
    timeoutMs: 0,
    order: 0,
    dueAtMs,
    body: Buffer.from('{}'),
  };
}

/** A webhook that has ended after so many attempts. */
export function retried(organization: string, webhook: string, attempt: number): RetriedSaved {
  const ids = {
    webhookId: `wh_${webhook}`,
    organizationId: `org_${organization}`,
    endpointId: 'ep_1',
  } as const;
  return { type: 'RetriedSaved', ...ids, attempt, endedAtMs: 1 };
}

export function dropped(organization: string, webhook: string) {
  return {
    type: 'PendingDropped',
    webhookId: `wh_${webhook}`,
    organizationId: `org_${organization}`,
  } as const;
}

/** An event that no engine can write down. */
export const UNWRITABLE = { type: 'OrganizationDeleted', organizationId: 'org_a', atMs: 'now' } as never;

/** A name of an organization that is in the partition, found by asking the log where it puts it. */
export async function organizationsByPartition(log: Log): Promise<string[]> {
  const names = Array.from({ length: 20 * log.partitions }, (_, i) => `probe${i}`);
  const positions = await log.append(names.map((name) => started(name, 0)));
  return Array.from({ length: log.partitions }, (_, index) => {
    const found = names[positions.findIndex(({ partition }) => partition === index)];
    if (found === undefined)
      throw new Error(`none of ${names.length} organizations is in partition ${index}`);
    return found;
  });
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

/** All that stands in a topic now, partition by partition. */
export async function all<T extends Topic>(
  log: Log,
  topic: T,
  options?: ReadOptions,
): Promise<StoredEvent<T>[]> {
  const events: StoredEvent<T>[] = [];
  for await (const batch of log.read(topic, options)) events.push(...batch.events);
  return events;
}

export function eventsOf<T extends Topic>(stored: readonly StoredEvent<T>[]): EventOf<T>[] {
  return stored.map(({ event }) => event);
}

/** The numbers in events that changed() and started() made. */
export function numbersOf(stored: readonly { event: HooklaneEvent }[]): number[] {
  return stored.map(({ event }) => ('atMs' in event ? event.atMs : Number.NaN));
}

// ── groups ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A member of a group that does nothing by itself: the test has its partitions. */
export interface Member<T extends Topic> {
  membership: Membership;
  /** The partition of this number, as soon as the member owns it. */
  partition(index: number): Promise<Partition<T>>;
}

export function joinByHand<T extends Topic>(log: Log, topic: T, group: Group = 'dispatcher'): Member<T> {
  const owned = new Map<number, Partition<T>>();
  const membership = log.join(group, topic, async (partition) => {
    owned.set(partition.index, partition);
    if (!partition.lost.aborted) await once(partition.lost, 'abort');
  });
  return {
    membership,
    partition: (index) => waitFor(`partition ${index}`, () => owned.get(index)),
  };
}

/** Events that are asked for at a time. */
const BATCH = 1_000;

/** Events from next() until there are `count`. */
export async function take<T extends Topic>(
  partition: Partition<T>,
  count: number,
): Promise<StoredEvent<T>[]> {
  const events: StoredEvent<T>[] = [];
  while (events.length < count)
    events.push(...(await partition.next(Math.min(BATCH, count - events.length))));
  return events;
}
