// Whether each trigger has become one webhook for each endpoint that heard of it, and in the order of the log. Pure.
//
// An event that is made again under its id (by a recorder that has lost its position, or in the history of an import)
// is the same trigger. What the dispatcher has not taken in yet is not missing; nor is, until its import has come to
// its end, what an organization went through before it was imported.

import type { OrganizationEvent, WebhookOmitted, WebhookScheduled } from '../events.ts';
import type { OrganizationId } from '../ids.ts';
import type { StoredEvent } from '../log/log.ts';
import { createIdTable, keyOf, keyOfPair } from './id-table.ts';
import type { Sweep } from './report.ts';
import type { Heard } from './subscriptions.ts';
import type { ToldOfWebhook } from './told.ts';

export interface Births {
  /** First topic organizations, with the triggers that its events are. */
  expect(stored: StoredEvent<'organizations'>, heard: Heard | undefined): void;
  /** Then topic outbound: the webhooks that come to be. */
  take(stored: ToldOfWebhook): void;
  /** Whether webhooks have not come: then topic organizations is gone through once more. */
  areMissing(): boolean;
  /** `dispatched`: the dispatcher's position as it was before any end was read. */
  nameMissing(stored: StoredEvent<'organizations'>, heard: Heard | undefined, dispatched: number): void;
  /** Up to which offset of topic organizations an organization's lane is known to have come, by what was made of it. */
  reached(organizationId: OrganizationId): number;
}

/** What is known of a pair of trigger and endpoint. */
const EXPECTED = 1;
const BORN = 2;

export function createBirths({ findings, open, isMine, isOld }: Sweep): Births {
  /** Where each trigger first stood. */
  const offsets = createIdTable();
  const pairs = createIdTable();
  const reached = new Map<OrganizationId, number>();
  /** Where the import of an organization that was imported has ended; Infinity: it has not. */
  const imports = new Map<OrganizationId, number>();
  let missing = 0;

  function judgeOrder(stored: ToldOfWebhook, event: WebhookScheduled | WebhookOmitted, offset: number) {
    const { organizationId, webhookId, eventId } = event;
    findings.checked('order');
    const before = reached.get(organizationId) ?? -1;
    if (offset >= before) {
      reached.set(organizationId, offset);
      return;
    }
    const what = `${webhookId} tells of ${eventId} at offset ${offset} of topic organizations`;
    const message = `${what}, and came to be after what tells of offset ${before}`;
    findings.found('order', stored, message, { organizationId, webhookId, eventId });
  }

  return {
    expect(stored, heard) {
      const { event, offset } = stored;
      if (event.type === 'OrganizationImportStarted')
        imports.set(event.organizationId, Number.POSITIVE_INFINITY);
      if (event.type === 'OrganizationImportEnded') imports.set(event.organizationId, offset);
      if (heard === undefined) return;
      const { eventId, organizationId } = heard.trigger;
      const key = keyOf(eventId);
      if (!isMine(key)) return;
      findings.checked('ids');
      if (offsets.get(key) !== undefined) {
        if (!isRepeatable(event)) {
          const message = `${eventId} is the id of two triggers; the second is ${event.type}`;
          findings.found('ids', stored, message, { organizationId, eventId });
        }
        return;
      }
      offsets.set(key, offset);
      for (const endpointId of heard.by) {
        pairs.set(keyOfPair(key, keyOf(endpointId)), EXPECTED);
        missing++;
      }
    },

    take(stored) {
      const { event } = stored;
      if (event.type !== 'WebhookScheduled' && event.type !== 'WebhookOmitted') return;
      // A digest tells of no trigger, but of what was omitted: see digests.ts.
      if (event.type === 'WebhookScheduled' && event.digest !== null) return;
      const { eventId, endpointId, webhookId, organizationId, kind } = event;
      const key = keyOf(eventId);
      if (!isMine(key) || isOld(eventId)) return;
      findings.checked('webhooks');
      const ids = { organizationId, endpointId, eventId, webhookId };
      const offset = offsets.get(key);
      if (offset === undefined) {
        const message = `${webhookId} tells ${endpointId} of ${eventId} (${kind}), which is no trigger in the log`;
        findings.found('webhooks', stored, message, ids);
        return;
      }
      const pair = keyOfPair(key, keyOf(endpointId));
      const state = pairs.get(pair) ?? 0;
      pairs.set(pair, state | BORN);
      if (state === EXPECTED) {
        missing--;
        judgeOrder(stored, event, offset);
      } else if ((state & BORN) !== 0) {
        const message = `${webhookId} is not the first webhook that tells ${endpointId} of ${eventId} (${kind})`;
        findings.found('webhooks', stored, message, ids);
      } else {
        const message = `${webhookId} tells ${endpointId} of ${eventId} (${kind}), to which it did not subscribe then`;
        findings.found('webhooks', stored, message, ids);
      }
    },

    areMissing: () => missing > 0,

    nameMissing(stored, heard, dispatched) {
      if (heard === undefined) return;
      const { trigger, by } = heard;
      const { eventId, organizationId, kind } = trigger;
      const key = keyOf(eventId);
      if (!isMine(key) || isOld(eventId) || offsets.get(key) !== stored.offset) return;
      const taken = Math.max(dispatched, reached.get(organizationId) ?? -1);
      const importEnd = imports.get(organizationId) ?? -1;
      const isTaken = taken > stored.offset && (stored.offset > importEnd || taken > importEnd);
      for (const endpointId of by) {
        if (pairs.get(keyOfPair(key, keyOf(endpointId))) !== EXPECTED) continue;
        if (!isTaken) {
          open.toDispatch++;
          continue;
        }
        findings.checked('webhooks');
        const message = `${eventId} (${kind}) has become no webhook for ${endpointId}, which subscribed to it`;
        findings.found('webhooks', stored, message, { organizationId, endpointId, eventId });
      }
    },

    reached: (organizationId) => reached.get(organizationId) ?? -1,
  };
}

/** Whether the recorder makes the event again when it has lost its position. */
function isRepeatable({ type }: OrganizationEvent): boolean {
  return type === 'LogRecorded' || type === 'DeployRecorded';
}
