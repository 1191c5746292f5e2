// A process that reads the read models beside the one that writes them: until it has seen as many documents as it is
// told, each batch of ten whole. It says `ready` once the store is open.

import assert from 'node:assert/strict';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { ITEMS, OTHERS } from '../contract/views-kit.ts';
import { waitFor } from '../support/wait.ts';

const [, , directory = '', total = ''] = process.argv;
const views = openSqliteViews({ directory, definitions: [ITEMS, OTHERS] });
process.stdout.write('ready\n');
try {
  let seen = 0;
  await waitFor(
    `${total} documents`,
    async () => {
      const documents = await views.find('items', {
        limit: 1_000,
        where: [{ field: 'color', eq: 'red' }],
      });
      assert.equal(documents.length % 10, 0);
      assert.ok(documents.length >= seen);
      seen = documents.length;
      return seen === Number(total);
    },
    60_000,
  );
} finally {
  await views.close();
}
