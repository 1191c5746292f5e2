// LogReceived to LogRecorded. Pure.

import type { InboundEvent, LogRecorded } from '../events.ts';
import { siblingId } from '../ids.ts';
import type { Circumstances } from './circumstances.ts';
import { extractLog } from './extract.ts';
import { fingerprint } from './fingerprint.ts';

/** The log that a payload becomes. Throws Unrecordable if it is not a JSON object. */
export function recordLog(received: InboundEvent, at: Circumstances): LogRecorded {
  const { id, organizationId, projectId, integrationId, receivedAtMs } = received;
  const extracted = extractLog(received.body, receivedAtMs);
  return {
    type: 'LogRecorded',
    logId: siblingId('log', id),
    inboundId: id,
    organizationId,
    projectId,
    integrationId,
    inboundPartition: at.partition,
    inboundOffset: at.offset,
    atMs: at.nowMs,
    receivedAtMs,
    ...extracted.content,
    fingerprint: fingerprint(projectId, extracted),
  };
}
