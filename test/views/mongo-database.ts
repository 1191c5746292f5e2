// A database of a test's own on the run's MongoDB, dropped when the test has ended.

import type { TestContext } from 'node:test';
import { MongoClient } from 'mongodb';
import { uniqueDatabase } from '../support/engines.ts';

/** Its URL. To be called before anything is opened on it: what is opened later is closed first. */
export function emptyDatabase(t: Pick<TestContext, 'after'>): string {
  const url = uniqueDatabase();
  t.after(async () => {
    const client = new MongoClient(url);
    await client.db().dropDatabase();
    await client.close();
  });
  return url;
}
