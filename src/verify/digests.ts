// Whether each digest tells what was omitted for it, and nothing twice. Pure.
//
// A digest that was to come is dropped when its endpoint is disabled, which does not show in topic outbound: so it may
// tell of less than was omitted, but only of the last of it.

import type { WebhookScheduled } from '../events.ts';
import type { EndpointId, WebhookId } from '../ids.ts';
import { keyOf } from './id-table.ts';
import type { Sweep } from './report.ts';
import type { ToldOfWebhook } from './told.ts';

export interface Digests {
  /** Takes the next event of topic outbound in. */
  take(stored: ToldOfWebhook): void;
}

/** What was omitted for the next digest of an endpoint. */
interface Untold {
  count: number;
  /** The last ones, newest last. */
  newest: WebhookId[];
}

/** As many are named by a digest at most (see dispatch/digest.ts). */
const MAX_NAMED = 20;

export function createDigests({ findings, isMine, isOld }: Sweep): Digests {
  const untold = new Map<EndpointId, Untold>();

  function judge(stored: ToldOfWebhook, { webhookId, endpointId, organizationId, digest }: WebhookScheduled) {
    const told = contentOf(digest ?? '');
    const { count, newest } = untold.get(endpointId) ?? { count: 0, newest: [] };
    const named = told?.named ?? [];
    if (named.some((id) => isOld(id))) return;
    findings.checked('digests');
    const right =
      told !== undefined && named.length === Math.min(told.count, MAX_NAMED) && told.count <= count;
    const last = newest.slice(newest.length - named.length).reverse();
    const isLast = named.every((id, i) => id === last[i]);
    if (right && isLast) return;
    const what = `${webhookId} is a digest of ${told?.count ?? 'nothing'} for ${endpointId}`;
    const message = `${what}, for which ${count} were omitted; it names ${named.join(', ') || 'none'}`;
    findings.found('digests', stored, message, { organizationId, endpointId, webhookId });
  }

  return {
    take(stored) {
      const { event } = stored;
      if (event.type === 'WebhookOmitted' && event.reason === 'digest') {
        const { endpointId, webhookId } = event;
        if (!isMine(keyOf(endpointId))) return;
        const { count, newest } = untold.get(endpointId) ?? { count: 0, newest: [] };
        untold.set(endpointId, { count: count + 1, newest: [...newest, webhookId].slice(-MAX_NAMED) });
      } else if (event.type === 'WebhookScheduled' && event.digest !== null) {
        if (!isMine(keyOf(event.endpointId))) return;
        judge(stored, event);
        untold.delete(event.endpointId);
      }
    },
  };
}

/** What a digest says: how many, and the newest by their ids, newest first; undefined: it cannot be read. */
function contentOf(digest: string): { count: number; named: string[] } | undefined {
  try {
    const { count, newest } = JSON.parse(digest) as { count: unknown; newest: unknown };
    if (typeof count !== 'number' || !Array.isArray(newest)) return undefined;
    return { count, named: newest.map(({ webhookId }: { webhookId: unknown }) => String(webhookId)) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
