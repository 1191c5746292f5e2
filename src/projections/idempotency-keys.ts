// Idempotency-Keys, as hashes, and what came under each: by this a repeat is known, and answered with the same id. The
// id of a document is that of what came, but for its prefix.

import type { Keyed } from '../events.ts';
import { siblingId } from '../ids.ts';
import type { Change, Projection } from './projection.ts';

/** An hour longer than a key counts (see command/once.ts), as clocks differ. */
const KEPT_MS = 25 * 3_600_000;

export const idempotencyKeys: Projection = {
  definition: {
    name: 'idempotencyKeys',
    version: 1,
    topics: ['inbound', 'organizations'],
    indexes: [['keyHash']],
    history: { prefix: 'key', payload: [], keptMs: KEPT_MS },
  },
  on: {
    LogReceived: (event) => used(event.id, event),
    DeployReceived: (event) => used(event.id, event),
    EventPublished: (event) => used(event.eventId, event),
  },
};

function used(id: string, { keyHash, bodyHash }: Keyed): Change[] {
  return keyHash === null ? [] : [{ id: siblingId('key', id), set: { keyHash, bodyHash } }];
}
