// Claims on MongoDB: a collection of their own, a document a claim. The collection comes from mongo.ts, which alone knows
// the driver.

import type { Claim, Claims } from './claims.ts';
import { isDuplicateKey } from './mongo-server.ts';
import { ViewsUnavailable } from './views.ts';

/** As it is kept. */
export interface StoredClaim extends Omit<Claim, 'key'> {
  /** The key. */
  _id: string;
}

/** What is used of a collection of the driver. */
interface Documents {
  insertOne(document: StoredClaim): Promise<unknown>;
  findOne(filter: { _id: string }): Promise<StoredClaim | null>;
  updateOne(filter: StoredClaim, change: { $set: Omit<Claim, 'key'> }): Promise<{ matchedCount: number }>;
  deleteOne(filter: StoredClaim): Promise<unknown>;
  deleteMany(filter: { untilMs: { $lt: number } }): Promise<unknown>;
}

/** How often a claim is tried that others have made, and taken away before it was looked at. */
const MAX_ROUNDS = 50;

/** `reaching` does what may fail at the server, as the port tells it. */
export function createMongoClaims(
  documents: Documents,
  reaching: <T>(work: () => Promise<T>) => Promise<T>,
): Claims {
  async function insert(document: StoredClaim): Promise<boolean> {
    try {
      await documents.insertOne(document);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  async function claim(wanted: Claim): Promise<Claim> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (await insert(stored(wanted))) return wanted;
      const found = await documents.findOne({ _id: wanted.key });
      if (found !== null) return claimOf(found);
    }
    throw new ViewsUnavailable('others claim the same key again and again');
  }

  return {
    claim: (wanted) => reaching(() => claim(wanted)),
    replace: (before, { key: _, ...next }) =>
      reaching(async () => (await documents.updateOne(stored(before), { $set: next })).matchedCount === 1),
    release: (one) => reaching(async () => void (await documents.deleteOne(stored(one)))),
    expire: (beforeMs) =>
      reaching(async () => {
        await documents.deleteMany({ untilMs: { $lt: beforeMs } });
        return false;
      }),
  };
}

function stored({ key, body, id, untilMs, done }: Claim): StoredClaim {
  return { _id: key, body, id, untilMs, done };
}

function claimOf({ _id: key, body, id, untilMs, done }: StoredClaim): Claim {
  return { key, body, id, untilMs, done };
}
