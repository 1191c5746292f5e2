// One moment of an organization, found in a log that may go on growing: how its lane stood, and up to where the topics
// belong to it. The topics have no common clock, so the lane is read before and after their ends are: where it is the
// same, it was so in between. (A second check is at the end of the export, see open-webhooks.ts.)

import { isRecord, type LaneRecord, RECORDS } from '../events.ts';
import type { InboundId, OrganizationId } from '../ids.ts';
import type { Log, StoredEvent } from '../log/log.ts';
import { partitionOf } from '../log/partitioner.ts';
import { TransferRefused } from './errors.ts';

export type SourceLog = Pick<Log, 'partitions' | 'read' | 'ends' | 'positions' | 'served'>;

export interface Cut {
  organizationId: OrganizationId;
  /** Of the organization's own events, in topics organizations and outbound. */
  partition: number;
  lane: readonly LaneRecord[];
  /** Events of topic organizations before this offset have been taken in by the dispatcher. */
  taken: number;
  /** For each partition of topic inbound, before which offset all has been recorded. */
  recorded: readonly number[];
  ends: { inbound: readonly number[]; organizations: number; outbound: number };
  /** What was received by then and not recorded. */
  unrecorded: ReadonlySet<InboundId>;
}

/** How often the lane may change under our hands. */
const MAX_TRIES = 500;

/** Rejects with TransferRefused when the lane changes all the time. */
export async function cutOf(log: SourceLog, organizationId: OrganizationId): Promise<Cut> {
  const partition = partitionOf(organizationId, log.partitions);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    // Before the end of topic organizations is: so what was recorded by then is before that end.
    const recorded = await log.positions('recorder', 'inbound');
    const before = await laneIn(log, partition, organizationId);
    const taken = (await log.positions('dispatcher', 'organizations'))[partition] ?? 0;
    const outbound = (await log.ends('outbound'))[partition] ?? 0;
    const organizations = (await log.ends('organizations'))[partition] ?? 0;
    const after = await laneIn(log, partition, organizationId);
    if (!isSame(before, after)) continue;
    // After that end: so what was recorded by then was also received by then.
    const inbound = await log.ends('inbound');
    const ends = { inbound, organizations, outbound };
    const lane = before.map(({ event }) => event);
    const saved = lane.find((record) => record.type === 'LaneSaved');
    if (saved?.importing)
      throw new TransferRefused(`${organizationId} is just being imported here`, { with: 'log' });
    const seen = { taken: Math.max(taken, (saved?.seen ?? -1) + 1), recorded };
    const cut = { organizationId, partition, lane, ends, ...seen };
    return { ...cut, unrecorded: await unrecordedOf(log, cut) };
  }
  throw new TransferRefused(
    `${organizationId} is sent for so often that no moment of it can be caught: stop the server and export again`,
    { with: 'log' },
  );
}

async function laneIn(
  log: SourceLog,
  partition: number,
  organizationId: OrganizationId,
): Promise<StoredEvent<'lanes'>[]> {
  const records: StoredEvent<'lanes'>[] = [];
  for await (const { events } of log.read('lanes', { partition, mentions: organizationId })) {
    records.push(...events.filter(({ event }) => event.organizationId === organizationId));
  }
  return records;
}

/** Whether nothing has been written in between: each record stands where it stood. */
function isSame(before: readonly StoredEvent[], after: readonly StoredEvent[]): boolean {
  return before.length === after.length && before.every(({ offset }, i) => offset === after[i]?.offset);
}

/** As many as the recorder is behind, which is few, unless it has lost its positions. */
async function unrecordedOf(log: SourceLog, cut: Omit<Cut, 'unrecorded'>): Promise<Set<InboundId>> {
  const ids = new Set<InboundId>();
  const { organizationId, partition, ends, recorded } = cut;
  for await (const { event } of inboundOf(log, cut, recorded)) ids.add(event.id);
  if (ids.size === 0) return ids;
  const options = { partition, types: RECORDS, mentions: organizationId };
  for await (const { events } of log.read('organizations', options)) {
    for (const { event, offset } of events) {
      if (offset >= ends.organizations) return ids;
      if (event.organizationId === organizationId && isRecord(event)) ids.delete(event.inboundId);
    }
  }
  return ids;
}

/** What the organization has received, from these offsets on. */
export async function* inboundOf(
  log: SourceLog,
  { organizationId, ends }: Pick<Cut, 'organizationId' | 'ends'>,
  from: readonly number[] = [],
): AsyncGenerator<StoredEvent<'inbound'>> {
  for await (const { events } of log.read('inbound', { from: { ...from }, mentions: organizationId })) {
    for (const stored of events) {
      if (stored.offset >= (ends.inbound[stored.partition] ?? 0)) break;
      if (stored.event.organizationId === organizationId) yield stored;
    }
  }
}

/** The organization's own events of a topic, up to the cut, from offset `from` on. */
export async function* ownOf<T extends 'organizations' | 'outbound'>(
  log: SourceLog,
  topic: T,
  { organizationId, partition, ends }: Cut,
  from = 0,
): AsyncGenerator<StoredEvent<T>> {
  const options = { partition, from: { [partition]: from }, mentions: organizationId };
  for await (const { events } of log.read(topic, options)) {
    for (const stored of events) {
      if (stored.offset >= ends[topic]) return;
      if (stored.event.organizationId === organizationId) yield stored;
    }
  }
}
