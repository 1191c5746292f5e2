import { openSqliteLog } from '../../src/log/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { logContract } from './log.ts';

logContract('SQLite', {
  persistent: true,
  ownsAtOnce: true,
  knowsSizes: false,
  prunes: true,
  newLog(t, partitions) {
    const directory = temporaryDirectory(t);
    return ({ serve }) => openSqliteLog({ directory, partitions, serve });
  },
});
