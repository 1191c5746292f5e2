import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { logContract } from './log.ts';

for (const thread of [false, true]) {
  logContract(thread ? 'SQLite, written in a thread' : 'SQLite', {
    persistent: true,
    ownsAtOnce: true,
    knowsSizes: false,
    prunes: true,
    looksUp: true,
    newLog(t, partitions) {
      const directory = temporaryDirectory(t);
      return ({ serve }) => openSqliteLog({ directory, partitions, serve, thread });
    },
    stalling: {
      async newLog(t) {
        const directory = temporaryDirectory(t);
        const log = openSqliteLog({ directory, partitions: 1, serve: true, thread });
        t.after(() => log.close());
        // As another process that writes, and does not come to its end.
        const other = new DatabaseSync(join(directory, 'log.db'));
        t.after(() => other.close());
        return {
          open: () => log,
          stall: async () => other.exec('BEGIN IMMEDIATE'),
          resume: async () => other.exec('ROLLBACK'),
        };
      },
    },
  });
}
