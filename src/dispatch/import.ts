// How an organization moves into a lane: what an import writes to topic organizations, and what that makes of its
// lane. The other half of what export.ts of src/transfer writes. Pure but for the lane that it changes.
//
//     OrganizationImportStarted ─▶ history, of which nothing is made
//     LaneImported              ─▶ the lane as it stood; from here on events are triggers as ever, but nothing starts
//     WebhookImported           ─▶ one that was pending, under the id it had
//     OrganizationImportEnded   ─▶ what is due starts
//
// Until the end nothing of it is sent, so an import that was cut off has done no harm and can go on.

import type { ImportEvent } from '../events.ts';
import { MAX_SKEW_MS } from '../time.ts';
import type { Lane } from './lane.ts';
import { restoreEndpoints, restorePending } from './snapshot.ts';

/** Changes `lane` by what has come; what comes again, or after the end, changes nothing. */
export function evolveImport(lane: Lane, event: ImportEvent, nowMs: number): void {
  const handover = { nowMs, skewMs: MAX_SKEW_MS };
  switch (event.type) {
    case 'OrganizationImportStarted':
      if (isBlank(lane)) lane.importing ??= 'history';
      return;
    case 'LaneImported':
      if (lane.importing !== 'history') return;
      lane.importing = 'held';
      lane.secret = event.secret;
      restoreEndpoints(lane, event, handover);
      return;
    case 'WebhookImported': {
      if (lane.importing !== 'held' || lane.pending.has(event.webhookId)) return;
      const { type: _, ...pending } = event;
      restorePending(lane, pending, handover);
      return;
    }
    case 'OrganizationImportEnded':
      lane.importing = null;
      return;
    default:
      event satisfies never;
  }
}

/** Whether the lane knows nothing: where it does, the organization lives here already. */
function isBlank({ secret, endpoints, pending }: Lane): boolean {
  return secret === null && endpoints.size === 0 && pending.size === 0;
}
