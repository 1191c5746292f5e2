// The thread that writes log.db, where it cannot: what it writes, the contract of the log sees to.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Write } from '../../src/log/sqlite-committer.ts';
import { pack, unpack } from '../../src/log/sqlite-packed.ts';
import { startCommitThread } from '../../src/log/sqlite-thread.ts';
import { temporaryDirectory } from '../support/directory.ts';

const writes: Write[] = [
  { fence: undefined, changes: [{ type: 'append', topic: 'inbound', partition: 2, data: Buffer.from('a') }] },
  { fence: undefined, changes: [] },
  {
    fence: { group: 'dispatcher', topic: 'organizations', partition: 1, epoch: 3, upTo: 7 },
    changes: [
      { type: 'remove', topic: 'lanes', partition: 1, key: 'k1' },
      { type: 'append', topic: 'outbound', partition: 1, data: Buffer.alloc(0) },
      { type: 'replace', topic: 'lanes', partition: 1, key: 'k2', data: Buffer.from('bcd') },
    ],
  },
];

test('what is packed is unpacked as it was', () => {
  const bytes = (write: Write) => ({
    ...write,
    changes: write.changes.map((change) =>
      'data' in change ? { ...change, data: Buffer.from(change.data) } : change,
    ),
  });
  const moved = structuredClone(pack(writes));
  assert.deepEqual(unpack(moved).map(bytes), writes.map(bytes));
});

test('a thread that cannot open the log, or has ended, rejects what it is given, and can be closed', async (t) => {
  const file = join(temporaryDirectory(t), 'a-file');
  writeFileSync(file, '');
  const thread = startCommitThread(file);
  await assert.rejects(thread.commit(writes), /cannot be used/);
  await assert.rejects(thread.commit(writes), /cannot be used/);
  await thread.close();
});
