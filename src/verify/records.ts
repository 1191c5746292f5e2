// Whether each inbound webhook has become one thing: a log or a deploy, or an error. Pure.
//
// A recorder that has lost its position goes through topic inbound again and makes the same events again. That is legal
// as long as it is the same: read models put it over what is there, and the lane takes it for no trigger (see
// dispatch/crank.ts). A log that is made again as an error, or under another id, is two things.

import {
  isRecord,
  type OrganizationEvent,
  type OrganizationImportEnded,
  type OrganizationImportStarted,
  type RecordEvent,
} from '../events.ts';
import { type OrganizationId, siblingId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { createIdTable, keyOf } from './id-table.ts';
import type { Sweep } from './report.ts';

export interface Records {
  /** First topic organizations. */
  takeRecord(stored: StoredEvent<'organizations'>): void;
  /** Then topic inbound, with the recorder's position in its partition as it was before any end was read. */
  takeReceived(stored: StoredEvent<'inbound'>, recorderPosition: number): void;
  /** Whether there are records of what was never received: then topic organizations is gone through once more. */
  hasOrphans(): boolean;
  nameOrphan(stored: StoredEvent<'organizations'>): void;
}

/** The types of events of topic organizations that matter here. */
export const RECORD_TYPES = [
  'LogRecorded',
  'DeployRecorded',
  'InboundWebhookFailed',
  'OrganizationImportStarted',
  'OrganizationImportEnded',
] as const;

/** What an id is known to be: bits. */
const BITS = { LogRecorded: 1, DeployRecorded: 2, InboundWebhookFailed: 4, received: 8, named: 16 } as const;
const RECORDED = BITS.LogRecorded | BITS.DeployRecorded | BITS.InboundWebhookFailed;

export function createRecords({ findings, open, isMine, isOld }: Sweep): Records {
  const known = createIdTable();
  /** Organizations on their way in: their records come before what they were made of, or long after it. */
  const importing = new Set<OrganizationId>();
  let orphans = 0;

  return {
    takeRecord(stored) {
      const { event } = stored;
      if (isImportMark(event)) {
        if (event.type === 'OrganizationImportStarted') importing.add(event.organizationId);
        else importing.delete(event.organizationId);
      }
      if (!isRecord(event)) return;
      const { inboundId, organizationId } = event;
      const key = keyOf(inboundId);
      if (!isMine(key)) return;
      const ids = { inboundId, organizationId };
      const name = nameOf(event);
      if (name !== undefined && name.is !== name.expected) {
        const message = `${inboundId} has become ${name.is}, and not ${name.expected}`;
        findings.found('records', stored, message, ids);
      }
      const before = known.get(key) ?? 0;
      const is = BITS[event.type];
      if (before === 0) orphans++;
      if ((before & RECORDED & ~is) !== 0) {
        const message = `${inboundId} has become ${wordsOf(before)}, and ${wordsOf(is)} as well`;
        findings.found('records', stored, message, ids);
      }
      known.set(key, before | is);
    },

    takeReceived(stored, recorderPosition) {
      const { id: inboundId, organizationId, type } = stored.event;
      const key = keyOf(inboundId);
      if (!isMine(key)) return;
      findings.checked('ids');
      const ids = { inboundId, organizationId };
      const before = known.get(key) ?? 0;
      if ((before & BITS.received) !== 0) {
        findings.found('ids', stored, `${inboundId} was received twice`, ids);
        return;
      }
      known.set(key, before | BITS.received);
      if (before !== 0) {
        orphans--;
        findings.checked('records');
        const wrong = type === 'LogReceived' ? BITS.DeployRecorded : BITS.LogRecorded;
        if ((before & wrong) === 0) return;
        const message = `${inboundId} came as ${type}, and has become ${wordsOf(before)}`;
        findings.found('records', stored, message, ids);
      } else if (stored.offset >= recorderPosition || importing.has(organizationId)) open.toRecord++;
      else {
        findings.checked('records');
        if (isOld(inboundId)) return;
        const message = `${inboundId} was accepted, and has become neither a log nor an error`;
        findings.found('records', stored, message, ids);
      }
    },

    hasOrphans: () => orphans > 0,

    nameOrphan(stored) {
      const { event } = stored;
      if (!isRecord(event) || importing.has(event.organizationId) || isOld(event.inboundId)) return;
      const { inboundId, organizationId } = event;
      const key = keyOf(inboundId);
      const before = known.get(key) ?? 0;
      if (!isMine(key) || (before & (BITS.received | BITS.named)) !== 0) return;
      known.set(key, before | BITS.named);
      const message = `${inboundId} has become ${wordsOf(before)}, and was never received`;
      findings.found('records', stored, message, { inboundId, organizationId });
    },
  };
}

function isImportMark(
  event: OrganizationEvent,
): event is OrganizationImportStarted | OrganizationImportEnded {
  return event.type === 'OrganizationImportStarted' || event.type === 'OrganizationImportEnded';
}

/** Under which id a record is known, and must be: that of the inbound webhook behind another prefix (see ids.ts). */
function nameOf(event: RecordEvent): { is: string; expected: string } | undefined {
  switch (event.type) {
    case 'LogRecorded':
      return { is: event.logId, expected: siblingId('log', event.inboundId) };
    case 'DeployRecorded':
      return { is: event.eventId, expected: siblingId('evt', event.inboundId) };
    case 'InboundWebhookFailed':
      return undefined;
    default:
      return event satisfies never;
  }
}

function wordsOf(bits: number): string {
  const words = [
    ...((bits & BITS.LogRecorded) === 0 ? [] : ['a log']),
    ...((bits & BITS.DeployRecorded) === 0 ? [] : ['a deploy']),
    ...((bits & BITS.InboundWebhookFailed) === 0 ? [] : ['an error']),
  ];
  return words.join(' and ');
}
