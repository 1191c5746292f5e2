import { openSqliteViews } from '../../src/views/sqlite.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { viewsContract } from './views.ts';

viewsContract('SQLite', (t) => {
  const directory = temporaryDirectory(t);
  return (definitions, retention) =>
    openSqliteViews({ directory, definitions, ...(retention && { retention }) });
});
