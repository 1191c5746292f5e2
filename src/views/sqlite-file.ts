// The file views.db: recognised before it is opened, made if it is not there.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteCode, whyForeign } from '../database-file.ts';
import { ViewsRefused } from './views.ts';

/** The files of the store. */
export const PATHS = ['views.db', 'views.db-wal'];
/** The application id is `HkVw`. */
const KIND = { applicationId: 0x486b5677, format: 1 };
/** How long a write waits for another process that writes. */
const BUSY_MS = 5_000;
const ADVICE = 'views.db may be moved away or deleted: it is made anew from the log';

/** Opens views.db in a directory, making both if they are not there. Throws ViewsRefused. */
export function openViewsFile(directory: string): DatabaseSync {
  const path = join(directory, 'views.db');
  const foreign = whyForeign(path, KIND);
  if (foreign !== undefined) throw new ViewsRefused(`${foreign}; ${ADVICE}`);
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    db.exec(`
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS views (
        view TEXT PRIMARY KEY, generation INTEGER NOT NULL, version INTEGER NOT NULL, shape TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS shadows (
        view TEXT PRIMARY KEY, generation INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS positions (
        generation INTEGER NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (generation, topic, partition)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS generations (last INTEGER NOT NULL) STRICT;
      INSERT INTO generations SELECT 0 WHERE NOT EXISTS (SELECT * FROM generations);
      PRAGMA application_id = ${KIND.applicationId};
      PRAGMA user_version = ${KIND.format};
      COMMIT;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL`);
    return db;
  } catch (error) {
    db?.close();
    if (sqliteCode(error) === undefined && !(error as NodeJS.ErrnoException).syscall) throw error;
    throw new ViewsRefused(`${path} cannot be used: ${(error as Error).message}; ${ADVICE}`, {
      cause: error,
    });
  }
}
