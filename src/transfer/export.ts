// An export: the log of one organization as lines, as of one moment, beside a running server or without one. Reads
// only. It keeps in memory what is pending and what is not recorded yet, nothing else.

import { createHash } from 'node:crypto';
import { isOfImport, type OrganizationEvent } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { toIso } from '../time.ts';
import { VERSION } from '../version.ts';
import { type Cut, cutOf, inboundOf, ownOf, type SourceLog } from './cut.ts';
import { TransferRefused } from './errors.ts';
import {
  type Counts,
  type End,
  emptyCounts,
  FORMAT,
  type Header,
  isMoved,
  lineOf,
  type MovedEvent,
} from './format.ts';
import { importedLane } from './lane.ts';
import { createOpenWebhooks } from './open-webhooks.ts';

export interface ExportOptions {
  log: SourceLog;
  organization: { id: OrganizationId; name: string };
  /** The id of the master key (see secrets.ts). */
  masterKeyId: string;
  nowMs: number;
  /** Called now and then: events read of the organization's partitions, of how many about. */
  onProgress?: (done: number, total: number) => void;
}

/** Lines are given in pieces of about this size. */
const PIECE_BYTES = 64 * 1024;

/**
 * The file, piece by piece; it returns what was in it. Rejects with TransferRefused, LogUnavailable or LogRefused: then
 * the end line is missing, and the file will not be imported.
 */
export async function* exportOrganization(options: ExportOptions): AsyncGenerator<string, Counts> {
  const { log, organization, masterKeyId, nowMs, onProgress } = options;
  const cut = await cutOf(log, organization.id);
  const hash = createHash('sha256');
  const counts = emptyCounts();
  const header: Header = {
    hooklane: 'export',
    format: FORMAT,
    version: VERSION,
    organizationId: organization.id,
    organization: organization.name,
    exportedAt: toIso(nowMs),
    masterKey: masterKeyId,
    serving: await log.served(),
  };
  let piece = `${JSON.stringify(header)}\n`;
  const total = totalOf(cut);
  let done = 0;
  for await (const { event, to } of movedOf(log, cut, nowMs)) {
    counts[to]++;
    done++;
    piece += `${lineOf(event)}\n`;
    if (piece.length < PIECE_BYTES) continue;
    hash.update(piece);
    yield piece;
    piece = '';
    onProgress?.(done, Math.max(done, total));
  }
  hash.update(piece);
  const end: End = { end: counts, sha256: hash.digest('hex') };
  yield `${piece}${JSON.stringify(end)}\n`;
  return counts;
}

/** At most as many events as this are the organization's. */
function totalOf({ ends }: Cut): number {
  return ends.organizations + ends.outbound + ends.inbound.reduce((sum, end) => sum + end, 0);
}

/** An event, and as what it counts. */
interface Moved {
  event: MovedEvent;
  to: keyof Counts;
}

/** All of it, in the order of the file. */
async function* movedOf(log: SourceLog, cut: Cut, nowMs: number): AsyncGenerator<Moved> {
  const lane = importedLane(cut.lane, cut.organizationId, nowMs);
  const [state, ...pending] = lane;
  const isHistory = createHistory(cut);
  for await (const stored of ownOf(log, 'organizations', cut)) {
    if (isOfImport(stored.event)) {
      if (stored.offset < cut.taken) continue;
      throw new TransferRefused(
        `${cut.organizationId} was imported here and the dispatcher has not taken it in yet: start the server first`,
        { with: 'log' },
      );
    }
    if (isHistory(stored) && isMoved(stored.event))
      yield { event: withoutPosition(stored.event), to: 'organizations' };
  }
  const open = createOpenWebhooks(new Set(pending.map(({ webhookId }) => webhookId)));
  for await (const { event } of ownOf(log, 'outbound', cut)) {
    open.take(event);
    yield { event, to: 'outbound' };
  }
  if (!open.agree()) {
    throw new TransferRefused(
      `${cut.organizationId} has changed while it was read: export it again, best with the server stopped`,
      { with: 'log' },
    );
  }
  for await (const { event } of inboundOf(log, cut)) {
    if (!cut.unrecorded.has(event.id)) yield { event: { ...event, imported: true }, to: 'inbound' };
  }
  yield { event: state, to: 'organizations' };
  for (const event of pending) yield { event, to: 'pending' };
  const isDone = createHistory(cut);
  for await (const stored of ownOf(log, 'organizations', cut, cut.taken)) {
    if (!isDone(stored) && isMoved(stored.event))
      yield { event: withoutPosition(stored.event), to: 'waiting' };
  }
  if (cut.unrecorded.size === 0) return;
  for await (const { event } of inboundOf(log, cut, cut.recorded)) {
    if (cut.unrecorded.has(event.id)) yield { event: { ...event, imported: false }, to: 'unrecorded' };
  }
}

/**
 * Tells what the lane has made of its events, from those that it will take in as triggers: also of what the recorder
 * has made twice, which is none (see crank.ts). To be asked in the order of the log.
 */
function createHistory({ taken, lane }: Cut): (stored: StoredEvent<'organizations'>) => boolean {
  const saved = lane.find((record) => record.type === 'LaneSaved');
  const seen = new Map(Object.entries(saved?.inboundSeen ?? {}));
  return ({ event, offset }) => {
    if (offset < taken) return true;
    if (event.type !== 'LogRecorded' && event.type !== 'DeployRecorded') return false;
    if (event.inboundPartition === null || event.inboundOffset === null) return false;
    const from = String(event.inboundPartition);
    if (event.inboundOffset <= (seen.get(from) ?? -1)) return true;
    seen.set(from, event.inboundOffset);
    return false;
  };
}

/** Where it stands in topic inbound says something in this log alone. */
function withoutPosition(event: OrganizationEvent): OrganizationEvent {
  if (event.type === 'LogsPruned') return { ...event, inboundSeen: {} };
  if (event.type !== 'LogRecorded' && event.type !== 'DeployRecorded') return event;
  return { ...event, inboundPartition: null, inboundOffset: null };
}
