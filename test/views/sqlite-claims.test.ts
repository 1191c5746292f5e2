// The file claims.db: one that is not ours, or is corrupt, is refused by name and left as it is.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { ViewsRefused } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';

const CLAIM = { key: 'k', body: 'b', id: 'in_1', untilMs: 1, done: true };

test('a claims.db that is foreign or corrupt is refused, and one that was deleted is made anew', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'claims.db');
  const open = () => openSqliteViews({ directory, definitions: [] });
  const first = open();
  await first.claims.claim(CLAIM);
  await first.close();
  const corrupt = readFileSync(path).fill(0xff, 100);
  const other = join(directory, 'other.db');
  new DatabaseSync(other).exec('CREATE TABLE notes (text); PRAGMA application_id = 7');
  for (const bytes of [corrupt, readFileSync(other), Buffer.from('no database')]) {
    writeFileSync(path, bytes);
    assert.throws(
      open,
      (error) =>
        error instanceof ViewsRefused && /claims\.db .*may be moved away or deleted/.test(error.message),
    );
    assert.deepEqual(readFileSync(path), bytes);
  }
  rmSync(path);
  const anew = open();
  t.after(() => anew.close());
  assert.deepEqual(await anew.claims.claim({ ...CLAIM, id: 'in_2' }), { ...CLAIM, id: 'in_2' });
});
