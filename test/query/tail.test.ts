// Following deliveries while the read models lag behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { tail } from '../../src/query/tail.ts';
import * as facts from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';

test('what is not taken in yet is not told as it was before', async (t) => {
  const log = openSqliteLog({ directory: temporaryDirectory(t), serve: true });
  t.after(() => log.close());
  let rounds = 0;
  const stopping = new AbortController();
  const items = await tail('deliveries', {
    log,
    queries: { show: async (_, id) => ({ id, status: rounds < 3 ? 'pending' : 'processed' }) },
    reached: async () => ++rounds === 3,
    signal: stopping.signal,
  });
  await log.append([facts.processed()]);
  const { value } = await items.next();
  assert.deepEqual(value, { id: facts.processed().webhookId, status: 'processed' });
  stopping.abort();
  assert.equal((await items.next()).done, true);
});
