// A database of a test's own on the run's MongoDB, dropped when the test has ended.

import type { TestContext } from 'node:test';
import { uniqueDatabase } from '../support/engines.ts';
import { dropDatabase } from '../support/mongod.ts';

/** Its URL. To be called before anything is opened on it: what is opened later is closed first. */
export function emptyDatabase(t: Pick<TestContext, 'after'>): string {
  const url = uniqueDatabase();
  t.after(() => dropDatabase(url));
  return url;
}
