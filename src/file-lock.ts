// A lock between processes: a transaction held open on a small SQLite file, so that the system itself releases it when
// the process ends, however it ends. The file stays.

import { DatabaseSync } from 'node:sqlite';

/**
 * Does `work` while no other process does any under the lock at `path`, for which it waits `patienceMs` at most. Throws
 * SQLite's errors: BUSY where that is over.
 */
export function withFileLock<T>(path: string, patienceMs: number, work: () => T): T {
  const file = new DatabaseSync(path, { timeout: patienceMs });
  try {
    file.exec('BEGIN IMMEDIATE');
    return work();
  } finally {
    file.close();
  }
}
