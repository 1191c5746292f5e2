// Inbound events to domain events. Pure: what came and the time go in, one event comes out, whatever came.
//
// Another inbound resource is one new file, and one line in RECORDERS.

import type { InboundEvent, InboundWebhookFailed, OrganizationEvent } from '../events.ts';
import { MAX_REASON_LENGTH } from './bounds.ts';
import type { Circumstances } from './circumstances.ts';
import { recordDeploy } from './deploy.ts';
import { Unrecordable } from './json.ts';
import { recordLog } from './log.ts';
import { clean } from './text.ts';

const RECORDERS: {
  readonly [T in InboundEvent['type']]: (
    received: InboundEvent,
    circumstances: Circumstances,
  ) => OrganizationEvent;
} = {
  LogReceived: recordLog,
  DeployReceived: recordDeploy,
};

/** What an inbound webhook becomes: what it was sent as, or InboundWebhookFailed with the reason. */
export function record(received: InboundEvent, circumstances: Circumstances): OrganizationEvent {
  try {
    return RECORDERS[received.type](received, circumstances);
  } catch (error) {
    // Any error, on purpose, bugs of ours included: one payload must not stop all that come after it. Nothing is
    // lost by it, the payload stays in the log.
    return failed(received, circumstances.nowMs, error);
  }
}

function failed({ id, organizationId }: InboundEvent, nowMs: number, error: unknown): InboundWebhookFailed {
  const reason = error instanceof Unrecordable ? error.message : `cannot be read: ${String(error)}`;
  return {
    type: 'InboundWebhookFailed',
    inboundId: id,
    organizationId,
    atMs: nowMs,
    reason: clean(reason, MAX_REASON_LENGTH),
  };
}
