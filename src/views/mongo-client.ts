// The driver of MongoDB. Of it all else knows types alone.

import { MongoClient } from 'mongodb';
import { ViewsRefused } from './views.ts';

/** How long a server is looked for, and an answer waited for. */
const FIND_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 30_000;

/** A client that has not connected yet. Throws ViewsRefused. Whoever makes one closes it. */
export function connect(url: string): MongoClient {
  try {
    return new MongoClient(url, {
      appName: 'hooklane',
      serverSelectionTimeoutMS: FIND_WITHIN_MS,
      connectTimeoutMS: FIND_WITHIN_MS,
      socketTimeoutMS: ANSWER_WITHIN_MS,
      writeConcern: { w: 'majority', journal: true },
      readPreference: 'primary',
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ViewsRefused(`HOOKLANE_VIEWS is not a URL of MongoDB: ${error.message}`, { cause: error });
  }
}
